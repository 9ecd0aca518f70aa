// What all pages have in common; it stands before the script of a page. The contents stand in the page as JSON, and
// every text goes through `textContent`, so that a title is never markup.

const byId = (id) => document.getElementById(id);

/** Make an element with properties, and with attributes where there is no property. */
function make(tag, { attributes = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const isolated = (text) => make("bdi", { textContent: text });
const address = (path) => path.split("/").map(encodeURIComponent).join("/");
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const plural = (count, word) =>
  `${count.toLocaleString("en")} ${count === 1 ? word : word + (word.endsWith("s") ? "es" : "s")}`;

function percent(value) {
  if (value > 0 && value < 0.001) return "< 0.1 %";
  return `${(100 * value).toFixed(1)} %`;
}

function clock(seconds) {
  const whole = Math.floor(seconds + 0.001);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const pad = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

const compareTitles = new Intl.Collator("en", { numeric: true }).compare;

/** A test for what is typed: every word must occur in the names; digits are an index, `n` and digits a wnid. */
function searchTest(typed) {
  const words = fold(typed).split(/\s+/).filter(Boolean);
  return (entry) => words.every((word) => matchesWord(entry, word));
}

function matchesWord({ text, data }, word) {
  if (/^\d+$/.test(word) && Number(word) === data.index) return true;
  return text.includes(word) || (/^n\d+$/.test(word) && (data.wnid ?? "").startsWith(word));
}

/** Place of the last chapter that has begun by then, or -1; it is found by halving, for this is asked on each frame. */
function lastBegun(chapters, seconds, startOf) {
  let [begun, later] = [-1, chapters.length];
  while (later - begun > 1) {
    const middle = (begun + later) >> 1;
    if (startOf(chapters[middle]) <= seconds + 0.001) begun = middle;
    else later = middle;
  }
  return begun;
}
