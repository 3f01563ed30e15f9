// How the display draws: blocks and texts.
function block(x, y, w, h, fill, rounded = 0) {
  mgraphics.set_source_rgba(fill);
  if (rounded) mgraphics.rectangle_rounded(x, y, w, h, rounded * 2, rounded * 2);
  else mgraphics.rectangle(x, y, w, h);
  mgraphics.fill();
}

function dot(x, y, size, fill) {
  mgraphics.set_source_rgba(fill);
  mgraphics.ellipse(x, y, size, size);
  mgraphics.fill();
}

function measure(text, size) {
  mgraphics.select_font_face(FONT);
  mgraphics.set_font_size(size);
  return mgraphics.text_measure(text)[0];
}

function fitted(text, size, room) {
  if (measure(text, size) <= room) return text;
  let short = text;
  while (short && measure(`${short}…`, size) > room) short = short.replace(/.$/su, "");
  return `${short.trimEnd()}…`;
}

// The text in rows, none wider than `room`; a word that is wider stands alone.
function wrapped(text, size, room) {
  const rows = [];
  for (const word of text.split(" ")) {
    const longer = rows.length ? `${rows[rows.length - 1]} ${word}` : word;
    if (rows.length && measure(longer, size) <= room) rows[rows.length - 1] = longer;
    else rows.push(word);
  }
  return rows;
}

function write(text, x, y, size, ink) {
  mgraphics.select_font_face(FONT);
  mgraphics.set_font_size(size);
  mgraphics.set_source_rgba(ink);
  mgraphics.move_to(x, y);
  mgraphics.show_text(text);
}
