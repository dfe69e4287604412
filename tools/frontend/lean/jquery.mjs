// Stands in for jQuery, of which the widgets use no more than this: an element in a box.
export default function $(element) {
  return Object.assign(Object.create($.prototype), { 0: element, length: 1 });
}
$.prototype.empty = function () { this[0].replaceChildren(); return this; };
