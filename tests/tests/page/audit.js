// Answers what is wrong with the page for somebody who reads it with a screen reader, on a phone or in bright light.

const faults = [];
const root = document.documentElement;
const isSeen = (element) => element.checkVisibility({ visibilityProperty: true });
const all = (css) => [...document.querySelectorAll(css)].filter(isSeen);
const named = (element) => `<${element.localName} id="${element.id}">`;

if (!['en', 'ko'].includes(root.lang)) faults.push(`the language is ${root.lang}`);
if (root.scrollWidth > innerWidth) faults.push(`it scrolls sideways: ${root.scrollWidth} in ${innerWidth}`);

for (const css of ['main', 'body > header', 'body > footer', 'h1', '[role=status]']) {
  const count = document.querySelectorAll(css).length;
  if (count !== 1) faults.push(`${count} of ${css}`);
}

const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
for (const id of ids.filter((id, i) => ids.indexOf(id) !== i)) faults.push(`two have the id ${id}`);

let level = 0;
for (const heading of all('h1, h2, h3, h4')) {
  const next = Number(heading.localName[1]);
  if (next > level + 1) faults.push(`${named(heading)} follows a heading of level ${level}`);
  if (!heading.textContent.trim()) faults.push(`${named(heading)} is empty`);
  level = next;
}

for (const image of all('img')) {
  if (!image.hasAttribute('alt')) faults.push(`${named(image)} has no alt`);
  if (!image.complete || !image.naturalWidth) faults.push(`${named(image)} is not loaded`);
}

function nameOf(element) {
  const by = (element.getAttribute('aria-labelledby') ?? '').split(' ').filter(Boolean);
  const labels = by.map((id) => document.getElementById(id)?.textContent ?? '').join(' ');
  const own = element.getAttribute('aria-label') ?? [...(element.labels ?? [])].map((l) => l.textContent).join(' ');
  return (labels || own || element.textContent).trim();
}

for (const control of all('button, input, a[href], progress, dialog, section, [role]:not([role=status])')) {
  if (!nameOf(control)) faults.push(`${named(control)} has no name`);
}

for (const bar of all('progress')) {
  if (!bar.ariaValueText) faults.push(`${named(bar)} says nothing`);
}

for (const control of all('button, input')) {
  const { width, height } = control.getBoundingClientRect();
  if (width < 24 || height < 24) faults.push(`${named(control)} is ${width}x${height}: hard to hit`);
}

// https://www.w3.org/TR/WCAG22/#contrast-minimum
function channels(color) {
  const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
  return { rgb: [red, green, blue], alpha };
}

function luminance(rgb) {
  const [red, green, blue] = rgb
    .map((channel) => channel / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function groundOf(element) {
  for (let at = element; at; at = at.parentElement) {
    const { rgb, alpha } = channels(getComputedStyle(at).backgroundColor);
    if (alpha === 1) return rgb;
  }
  return [255, 255, 255];
}

const speaks = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
for (const element of all('body *').filter(speaks)) {
  const style = getComputedStyle(element);
  const [dim, bright] = [channels(style.color).rgb, groundOf(element)].map(luminance).sort((a, b) => a - b);
  const contrast = (bright + 0.05) / (dim + 0.05);
  const size = parseFloat(style.fontSize);
  const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
  if (contrast < needed) faults.push(`${named(element)} has a contrast of ${contrast.toFixed(2)}`);
}

return faults;
