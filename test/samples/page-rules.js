/**
 * What must hold of a page whoever uses it, checked inside the browser; its value is the list of what does not.
 *
 * - Whatever can be focused or pressed has a name, and pictures have one or are hidden from those who cannot see them.
 * - Text and its ground differ by 4.5 : 1, large text by 3 : 1 (WCAG 2.2, 1.4.3).
 * - What can be pressed is at least 24 pixels high and wide (2.5.8).
 * - Headings skip no level, ids are there once, and a label that is referred to exists.
 * - Nothing is wider than the window.
 */
(() => {
  const wrong = [];
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const say = (element) =>
    `${element.tagName.toLowerCase()}${element.id && `#${element.id}`}.${element.className?.baseVal ?? element.className}`;

  const colour = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, ground) => {
    const mix = (channel) => top[channel] * top.a + ground[channel] * (1 - top.a);
    return { r: mix('r'), g: mix('g'), b: mix('b'), a: 1 };
  };
  const groundOf = (element) => {
    if (element === null) return { r: 255, g: 255, b: 255, a: 1 };
    const own = colour(getComputedStyle(element).backgroundColor);
    return own.a === 1 ? own : over(own, groundOf(element.parentElement));
  };
  const luminance = ({ r, g, b }) => {
    const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === '' || !isSeen(element) || element.closest('script, style, noscript, template, .skip') !== null)
      continue;
    count++;
    const { color, fontSize, fontWeight } = getComputedStyle(element);
    const ground = groundOf(element);
    const [light, dark] = [luminance(over(colour(color), ground)), luminance(ground)].toSorted((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700) ? 3 : 4.5;
    if (ratio < least) wrong.push(`contrast ${ratio.toFixed(2)} of "${node.data.trim()}" in ${say(element)}`);
  }
  if (count < 20) wrong.push(`only ${count} texts were looked at`);

  const nameOf = (element) => {
    const referred = element.getAttribute('aria-labelledby');
    if (referred !== null)
      return referred
        .split(' ')
        .map((id) => document.getElementById(id)?.textContent ?? '')
        .join(' ')
        .trim();
    return (element.getAttribute('aria-label') ?? element.textContent).trim();
  };
  const reachable = [...document.querySelectorAll('a[href], button, input, select, textarea, [tabindex="0"], [role="group"]')];
  for (const element of reachable.filter(isSeen)) {
    if (!/[\p{L}\p{N}]/u.test(nameOf(element))) wrong.push(`no name: ${say(element)}`);
    const { width, height } = element.getBoundingClientRect();
    if (element.matches('button, a') && (width < 24 || height < 24))
      wrong.push(`too small, ${width} x ${height}: ${say(element)}`);
  }
  for (const picture of document.querySelectorAll('svg, img')) {
    const isNamed = picture.hasAttribute('aria-label') || picture.hasAttribute('alt');
    if (!isNamed && picture.closest('[aria-hidden="true"]') === null) wrong.push(`a picture without a name: ${say(picture)}`);
  }

  let level = 0;
  for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) wrong.push(`h${own} after h${level}: ${heading.textContent}`);
    level = own;
  }
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`the id ${id} is there twice`);
  for (const { attributes } of document.querySelectorAll('[aria-labelledby], [aria-describedby]')) {
    for (const { name, value } of attributes) {
      if (/^aria-(labelled|described)by$/.test(name) && document.getElementById(value) === null)
        wrong.push(`${name}="${value}" refers to nothing`);
    }
  }
  if (document.documentElement.lang === '') wrong.push('the page does not say its language');
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) wrong.push(`${scrollWidth} pixels wide in a window of ${innerWidth}`);
  return wrong;
})();
