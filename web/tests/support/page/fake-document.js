/** An element of a page that has whatever a view looks for: each selector finds an element of its own, always the same. */
class FakeElement extends EventTarget {
  value = "";
  textContent = "";
  hidden = false;
  dataset = {};
  children = [];
  validity = { valid: true };
  #found = new Map();

  get childElementCount() {
    return this.children.length;
  }

  /** Of a template. */
  get content() {
    return new FakeElement();
  }

  cloneNode() {
    return new FakeElement();
  }

  querySelector(selector) {
    if (!this.#found.has(selector)) this.#found.set(selector, new FakeElement());
    return this.#found.get(selector);
  }

  /** Of the document. */
  createElement() {
    return new FakeElement();
  }

  append(...children) {
    this.children.push(...children);
  }

  replaceChildren(...children) {
    this.children = children;
  }

  /** Type into it. @param {string} text */
  type(text) {
    this.value = text;
    this.dispatchEvent(Object.assign(new Event("input"), { isComposing: false }));
  }
}

/** Let views find their elements in a document of this kind. Call it before they are imported. */
export function fakeDocument() {
  globalThis.document = new FakeElement();
  for (const kind of ["", "Form", "Input", "Button", "Template", "Time", "Dialog"]) globalThis[`HTML${kind}Element`] = FakeElement;
  globalThis.Element = FakeElement;
  return document;
}
