import { find } from "./dom.js";
import { readableOn, textOn } from "../text/colours.js";

/** @typedef {{name: string, accent: {light: string, dark: string} | null}} Brand - colours as `#rrggbb` */

/** Of each scheme, what a text in the accent's colour is hardest to read on: no ground of tokens.css is harder. */
const GROUNDS = { light: "#e0e8e4", dark: "#3a2e10" };

/** Show the chat's name and colours. @param {Brand} brand */
export function showBrand({ name, accent }) {
  find("#brand", HTMLElement).textContent = name;
  if (!accent || !CSS.supports("color", "light-dark(#000, #fff)")) return;
  const { light, dark } = readableAccent(accent);
  const { style } = document.documentElement;
  style.setProperty("--accent", `light-dark(${light}, ${dark})`);
  style.setProperty("--on-accent", `light-dark(${textOn(light)}, ${textOn(dark)})`);
}

/** Return the accents as far changed as a text in them needs. @param {{light: string, dark: string}} accent */
export const readableAccent = ({ light, dark }) => ({
  light: readableOn(GROUNDS.light, light),
  dark: readableOn(GROUNDS.dark, dark),
});
