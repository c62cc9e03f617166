/**
 * @template Detail
 * @typedef {((event: CustomEvent<Detail>) => void) | {handleEvent(event: CustomEvent<Detail>): void} | null} Listener
 */

/**
 * An EventTarget with typed events: an editor knows what the `detail` of each event holds.
 *
 * @template {object} Details - the type of each event's detail, by the event's name
 */
export class Emitter extends EventTarget {
  /**
   * @template {keyof Details & string} Type
   * @override
   * @param {Type} type
   * @param {Listener<Details[Type]>} listener
   * @param {boolean | {capture?: boolean, once?: boolean, passive?: boolean, signal?: AbortSignal}} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, /** @type {EventListener | null} */ (listener), options);
  }

  /**
   * @template {keyof Details & string} Type
   * @override
   * @param {Type} type
   * @param {Listener<Details[Type]>} listener
   * @param {boolean | {capture?: boolean}} [options]
   */
  removeEventListener(type, listener, options) {
    super.removeEventListener(type, /** @type {EventListener | null} */ (listener), options);
  }
}
