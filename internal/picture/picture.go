// Package picture makes a small square PNG of a picture that a stranger chose: an
// app's logo, a person's photograph. Nothing of the bytes that came in goes out:
// they are decoded and drawn again, so that no script, no metadata, no second file
// behind the picture and no place where a photograph was taken reaches a browser.
//
// It does not fetch, store or serve anything.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// Side is the width and height of what comes out, in pixels.
const Side = 128

// Kind is what is asked of a picture of one purpose.
type Kind struct {
	Bytes  int  // how long it may be
	pixels int  // how many pixels it may have
	crop   bool // the middle fills the square; else all of it is shown, with a clear rim
}

// The kinds.
var (
	Logo  = Kind{Bytes: 256 << 10, pixels: 4 << 20}
	Photo = Kind{Bytes: 8 << 20, pixels: 25 << 20, crop: true}
)

// Why a picture is refused. The errors of Square wrap one of these.
var (
	ErrTooLong   = errors.New("the picture has too many bytes")
	ErrTooLarge  = errors.New("the picture has too many pixels")
	ErrNoPicture = errors.New("this is no PNG, JPEG, GIF or WebP picture")
	ErrBroken    = errors.New("the picture is broken")
)

// format is how one kind of file is read. It is told by its first bytes, never by
// what its sender calls it.
type format struct {
	begins [2]string // at byte 0 and, when there is a second, at byte 8
	size   func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// SVG is not among them, and will not be: it is a program.
var formats = []format{
	{[2]string{"\x89PNG\r\n\x1a\n"}, png.DecodeConfig, png.Decode},
	{[2]string{"\xff\xd8\xff"}, jpeg.DecodeConfig, jpeg.Decode},
	{[2]string{"GIF87a"}, gif.DecodeConfig, gif.Decode}, // its first picture
	{[2]string{"GIF89a"}, gif.DecodeConfig, gif.Decode},
	{[2]string{"RIFF", "WEBPVP8"}, webp.DecodeConfig, webp.Decode},
}

func formatOf(raw []byte) (format, bool) {
	for _, f := range formats {
		if bytes.HasPrefix(raw, []byte(f.begins[0])) && bytes.HasPrefix(raw[min(8, len(raw)):], []byte(f.begins[1])) {
			return f, true
		}
	}
	return format{}, false
}

// maxScans bounds the passes of a progressive JPEG, of which one that a camera or
// a program made has about ten. Each costs a walk over the whole picture and can be
// a few bytes long.
const maxScans = 64

// drawing lets one picture be decoded at a time: it needs up to 200 MB.
var drawing = make(chan struct{}, 1)

// Square returns the picture as a PNG of Side by Side pixels. It looks at the size
// that a file says it has before it decodes any of it.
func Square(raw []byte, kind Kind) ([]byte, error) {
	f, ok := formatOf(raw)
	switch {
	case len(raw) > kind.Bytes:
		return nil, fmt.Errorf("%w: %d, and %d are the limit", ErrTooLong, len(raw), kind.Bytes)
	case !ok:
		return nil, ErrNoPicture
	}
	size, err := f.size(bytes.NewReader(raw))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	case size.Width < 1 || size.Height < 1:
		return nil, fmt.Errorf("%w: it has no pixels", ErrBroken)
	case size.Width > kind.pixels || size.Height > kind.pixels/size.Width/depth(size.ColorModel):
		return nil, fmt.Errorf("%w: %d by %d", ErrTooLarge, size.Width, size.Height)
	case bytes.Count(raw, []byte{0xff, 0xda}) > maxScans && raw[0] == 0xff: // SOS, ITU T.81 table B.1
		return nil, fmt.Errorf("%w: more than %d passes", ErrTooLarge, maxScans)
	}
	drawing <- struct{}{}
	defer func() { <-drawing }()
	source, err := decode(f, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	small := upright(shrink(source, kind.crop), orientation(raw))
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small); err != nil {
		return nil, fmt.Errorf("encode a picture: %w", err)
	}
	return out.Bytes(), nil
}

// depth is what a pixel counts: two where a colour has 16 bits.
func depth(m color.Model) int {
	switch m {
	case color.RGBA64Model, color.NRGBA64Model, color.Gray16Model:
		return 2
	}
	return 1
}

// decode reads the whole picture. A decoder that panics over what a stranger sent
// must not stop the server.
func decode(f format, raw []byte) (m image.Image, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the decoder gave up: %v", p)
		}
	}()
	return f.decode(bytes.NewReader(raw))
}

// shrink draws the picture into the square.
func shrink(source image.Image, crop bool) *image.RGBA {
	from, to := source.Bounds(), image.Rect(0, 0, Side, Side)
	if crop {
		from = middle(from, min(from.Dx(), from.Dy()), min(from.Dx(), from.Dy()))
	} else {
		longest := max(from.Dx(), from.Dy())
		to = middle(to, max(1, from.Dx()*Side/longest), max(1, from.Dy()*Side/longest))
	}
	out := image.NewRGBA(image.Rect(0, 0, Side, Side))
	draw.CatmullRom.Scale(out, to, source, from, draw.Src, nil)
	return out
}

// middle returns the rectangle of that size in the middle of r.
func middle(r image.Rectangle, width, height int) image.Rectangle {
	corner := r.Min.Add(image.Pt((r.Dx()-width)/2, (r.Dy()-height)/2))
	return image.Rectangle{Min: corner, Max: corner.Add(image.Pt(width, height))}
}
