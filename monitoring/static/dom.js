// Elements from values. Texts stay texts: nothing is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; strings become texts, null leaves a child out. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for drawings. */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

/** Put new children in the place of what is there, unless they would look the same. */
export function show(parent, children) {
  const fresh = document.createElement(parent.localName);
  fresh.append(...children);
  if (parent.innerHTML !== fresh.innerHTML) parent.replaceChildren(...fresh.childNodes);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null));
  return made;
}
