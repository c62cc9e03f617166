/** Return a text of random pieces. @param {() => number} random @param {readonly string[]} pieces @param {number} most */
export function randomText(random, pieces, most) {
  const pick = () => pieces[Math.floor(random() * pieces.length)];
  return Array.from({ length: Math.ceil(random() * most) }, pick).join("");
}
