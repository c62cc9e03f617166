const touch = matchMedia("(pointer: coarse) and (hover: none)");

/** True where fingers point and nothing hovers: Enter has no Shift there, and menus are sheets. */
export const isTouch = () => touch.matches;
