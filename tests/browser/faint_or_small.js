// All text on the page with a contrast below 4.5 : 1 (WCAG 2.1, 1.4.3) or smaller than 13 px.
// Colours are computed as they are seen: with every opacity, over every background below.
() => {
  const numbers = (text) => text.replace("/", " ").match(/[\d.]+(e-?\d+)?/g).map(Number);
  const rgba = (colour) => {
    const [r, g, b, a = 1] = numbers(colour.replace("color(srgb", ""));
    return colour.startsWith("color(") ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
  };
  const over = ([r, g, b, a], below) =>
    [r, g, b].map((value, i) => value * a + below[i] * (1 - a));
  const luminance = (colour) => {
    const [r, g, b] = colour.map((value) => value / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const outwards = (element) => {
    const chain = [];
    for (let at = element; at; at = at.parentElement) chain.push(getComputedStyle(at));
    return chain;
  };
  const behind = (styles) => styles.reduceRight(
    (below, style) => over(rgba(style.backgroundColor), below), [255, 255, 255]);
  const ignored = 'script, style, svg, [disabled], [data-testid="stIconMaterial"]';
  const found = new Set();
  const texts = document.createTreeWalker(document.querySelector(".stApp"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim(), element = texts.currentNode.parentElement;
    const visible = element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const { width, height } = element.getBoundingClientRect();
    if (!text || !visible || width < 2 || height < 2 || element.closest(ignored)) continue;
    const styles = outwards(element), [style] = styles;
    const [r, g, b, alpha] = rgba(style.color);
    const opacity = styles.reduce((product, { opacity }) => product * opacity, alpha);
    if (opacity === 0) continue;
    const below = behind(styles), ratio = contrast(over([r, g, b, opacity], below), below);
    const size = parseFloat(style.fontSize);
    if (ratio < 4.5 || size < 13) found.add(`${text}: ${ratio.toFixed(2)}, ${size} px`);
  }
  return [...found];
}
