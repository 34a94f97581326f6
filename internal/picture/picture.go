// Package picture makes a small square PNG of a picture that a stranger chose: an
// app's logo, a person's photograph. Nothing of the bytes that came in goes out:
// they are decoded and drawn again, so that no script, no metadata, no second file
// behind the picture and no place where a photograph was taken reaches a browser.
//
// It does not fetch, store or serve anything.
package picture

import (
	"bytes"
	"context"
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

// drawing lets one picture be decoded at a time: one of the largest needs some 150 MB.
var drawing = make(chan struct{}, 1)

// Square returns the picture in file as a PNG of Side by Side pixels. It looks at the
// size that a file says it has before it decodes any of it. It waits for its turn,
// until ctx ends, before it reads anything: file is best one that need not be waited
// for.
func Square(ctx context.Context, file io.Reader, kind Kind) ([]byte, error) {
	select {
	case drawing <- struct{}{}:
		defer func() { <-drawing }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another picture: %w", ctx.Err())
	}
	raw, err := io.ReadAll(io.LimitReader(file, int64(kind.Bytes)+1))
	if err != nil {
		return nil, fmt.Errorf("read a picture: %w", err)
	}
	f, err := examine(raw, kind)
	if err != nil {
		return nil, err
	}
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

// examine says how a file is read, if it may be.
func examine(raw []byte, kind Kind) (format, error) {
	f, ok := formatOf(raw)
	switch {
	case len(raw) > kind.Bytes:
		return f, fmt.Errorf("%w: %d are the limit", ErrTooLong, kind.Bytes)
	case !ok:
		return f, ErrNoPicture
	}
	size, err := f.size(bytes.NewReader(raw))
	switch {
	case err != nil:
		return f, fmt.Errorf("%w: %w", ErrBroken, err)
	case size.Width < 1 || size.Height < 1:
		return f, fmt.Errorf("%w: it has no pixels", ErrBroken)
	case size.Width > kind.pixels || size.Height > kind.pixels/size.Width/depth(size.ColorModel, raw):
		return f, fmt.Errorf("%w: %d by %d", ErrTooLarge, size.Width, size.Height)
	case isJPEG(raw) && bytes.Count(raw, []byte{0xff, startOfScan}) > maxScans:
		return f, fmt.Errorf("%w: more than %d passes", ErrTooLarge, maxScans)
	}
	return f, nil
}

// depth is what a pixel counts, for the memory it needs while it is decoded: two where
// a colour has 16 bits, and four where a JPEG comes in passes, which keep three numbers
// of 32 bits for each.
func depth(m color.Model, raw []byte) int {
	switch m {
	case color.RGBA64Model, color.NRGBA64Model, color.Gray16Model:
		return 2
	}
	if isJPEG(raw) && !onePass(raw) {
		return 4
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
	m, err = f.decode(bytes.NewReader(raw))
	if err == nil && m.Bounds().Empty() { // the first picture of a GIF may be
		err = errors.New("it has no pixels")
	}
	return m, err
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
