/** The parts of the page in the order that F6 leads through, each with what has the focus there: the first that is shown. */
const REGIONS = [
  { region: "#rooms", stops: ["a[aria-current]", "a, button, input"] },
  { region: "#scroll", stops: ["[tabindex='0']"] },
  { region: ".foot", stops: ["textarea", "button"] },
  { region: "#pane", stops: ["section :is(input, textarea)", "section[tabindex], section [tabindex='0']"] },
];

/** Give the focus to the next part of the page that is shown. @param {number} step - 1, or -1 for the part before */
export function focusRegion(step) {
  const shown = REGIONS.flatMap(({ region, stops }) => {
    const element = document.querySelector(region);
    const inner = stops.flatMap((stop) => [...(element?.querySelectorAll(stop) ?? [])]).find((each) => each.checkVisibility());
    const target = inner ?? element; // An empty list of messages takes the focus itself.
    return element?.checkVisibility() && target instanceof HTMLElement && target.matches("[tabindex], a, button, input, textarea") ? [{ element, target }] : [];
  });
  const at = shown.findIndex(({ element }) => element.contains(document.activeElement));
  shown[(at + step + shown.length) % Math.max(1, shown.length)]?.target.focus();
}
