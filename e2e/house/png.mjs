// Pictures of pages have few colours: with a palette they are a quarter as big.

import { crc32, deflateSync } from 'node:zlib';

const most = 64; // colours

/** indexed makes a PNG with a palette of one without; page is any page of Chromium, which reads it. */
export async function indexed(page, png) {
  const { width, height, palette, pixels } = await page.evaluate(reduce, { png: png.toString('base64'), most });
  const from = Buffer.from(pixels, 'base64');
  const rows = Buffer.alloc((width + 1) * height); // each row begins with its filter, 0
  for (let y = 0; y < height; y++) from.copy(rows, y * (width + 1) + 1, y * width, (y + 1) * width);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8); // 8 bits a pixel, from the palette
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head), chunk('PLTE', Buffer.from(palette)), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  size.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([size, body, sum]);
}

// reduce runs in the browser: the most frequent colours stay, every other one
// becomes the nearest of them.
async function reduce({ png, most }) {
  const blob = new Blob([Uint8Array.from(atob(png), (c) => c.charCodeAt(0))], { type: 'image/png' });
  const image = await createImageBitmap(blob);
  const { width, height } = image;
  const canvas = new OffscreenCanvas(width, height).getContext('2d');
  canvas.drawImage(image, 0, 0);
  const { data } = canvas.getImageData(0, 0, width, height);
  const colours = new Uint32Array(width * height);
  const counts = new Map();
  for (let i = 0; i < colours.length; i++) {
    colours[i] = data[4 * i] << 16 | data[4 * i + 1] << 8 | data[4 * i + 2];
    counts.set(colours[i], (counts.get(colours[i]) ?? 0) + 1);
  }
  const kept = [...counts].sort((a, b) => b[1] - a[1]).slice(0, most).map(([colour]) => colour);
  const parts = (colour) => [colour >> 16, colour >> 8 & 255, colour & 255];
  const far = (a, b) => parts(a).reduce((sum, part, i) => sum + (part - parts(b)[i]) ** 2, 0);
  const place = new Map();
  for (const colour of counts.keys()) {
    let best = 0;
    kept.forEach((other, i) => { if (far(colour, other) < far(colour, kept[best])) best = i; });
    place.set(colour, best);
  }
  let pixels = '';
  for (const colour of colours) pixels += String.fromCharCode(place.get(colour));
  return { width, height, palette: kept.flatMap(parts), pixels: btoa(pixels) };
}
