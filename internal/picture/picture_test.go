package picture_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/picture"
)

var (
	red   = color.RGBA{R: 255, A: 255}
	blue  = color.RGBA{B: 255, A: 255}
	empty = color.RGBA{}
)

// painted is a picture whose upper left quarter is red and whose rest is blue.
func painted(width, height int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, blue)
			if x < width/2 && y < height/2 {
				m.Set(x, y, red)
			}
		}
	}
	return m
}

func encoded(t testing.TB, m image.Image, encode func(io.Writer, image.Image) error) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asJPEG(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, &jpeg.Options{Quality: 100}) }
func asGIF(w io.Writer, m image.Image) error  { return gif.Encode(w, m, nil) }

// Two WebP pictures of one pixel: without and with loss.
const (
	webpExact = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="
	webpLossy = "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA="
)

func fromBase64(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// square makes the picture small and reads it back.
func square(t testing.TB, raw []byte, kind picture.Kind) image.Image {
	t.Helper()
	out, err := picture.Square(t.Context(), bytes.NewReader(raw), kind)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if m.Bounds() != image.Rect(0, 0, picture.Side, picture.Side) {
		t.Fatalf("the picture is %v", m.Bounds())
	}
	return m
}

// near reports whether a pixel has about this colour: JPEG and scaling move it.
func near(m image.Image, x, y int, want color.RGBA) bool {
	have := color.RGBAModel.Convert(m.At(x, y)).(color.RGBA)
	off := func(a, b uint8) bool { return max(a, b)-min(a, b) > 12 }
	return !off(have.R, want.R) && !off(have.G, want.G) && !off(have.B, want.B) && !off(have.A, want.A)
}

func TestEveryKindOfPictureBecomesASmallSquare(t *testing.T) {
	for name, raw := range map[string][]byte{
		"PNG":  encoded(t, painted(300, 300), png.Encode),
		"JPEG": encoded(t, painted(304, 304), asJPEG),
		"GIF":  encoded(t, painted(300, 300), asGIF),
		"tiny": encoded(t, painted(2, 2), png.Encode),
	} {
		t.Run(name, func(t *testing.T) {
			m := square(t, raw, picture.Logo)
			if !near(m, 10, 10, red) || !near(m, 117, 10, blue) || !near(m, 10, 117, blue) {
				t.Errorf("the picture changed: %v %v", m.At(10, 10), m.At(117, 10))
			}
		})
	}
	for _, raw := range []string{webpExact, webpLossy} {
		square(t, fromBase64(t, raw), picture.Logo)
	}
}

func TestALogoIsShownWholeAndAPhotographFillsItsSquare(t *testing.T) {
	wide := encoded(t, painted(400, 100), png.Encode)
	logo := square(t, wide, picture.Logo)
	if !near(logo, 64, 4, empty) || !near(logo, 64, 124, empty) || !near(logo, 4, 55, red) || !near(logo, 124, 70, blue) {
		t.Error("a wide logo does not have a clear rim above and below")
	}
	photo := square(t, wide, picture.Photo)
	if !near(photo, 4, 4, red) || !near(photo, 124, 4, blue) || !near(photo, 4, 124, blue) {
		t.Error("a wide photograph is not cut to its middle")
	}
	thin := square(t, encoded(t, painted(1, 4000), png.Encode), picture.Logo)
	if near(thin, 63, 64, empty) {
		t.Error("a thin logo vanished")
	}
}

func TestWhatIsNoSuchPictureIsRefusedWithItsReason(t *testing.T) {
	whole := encoded(t, painted(50, 50), png.Encode)
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"nothing":          {nil, picture.ErrNoPicture},
		"a few bytes":      {[]byte("RIFF"), picture.ErrNoPicture},
		"SVG":              {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), picture.ErrNoPicture},
		"SVG with a BOM":   {[]byte("\xef\xbb\xbf<?xml version=\"1.0\"?><svg/>"), picture.ErrNoPicture},
		"HTML":             {[]byte("<!doctype html><script>alert(1)</script>"), picture.ErrNoPicture},
		"an icon file":     {[]byte("\x00\x00\x01\x00\x01\x00\x10\x10"), picture.ErrNoPicture},
		"a bitmap":         {[]byte("BM\x46\x00\x00\x00\x00\x00"), picture.ErrNoPicture},
		"a sound":          {[]byte("RIFF\x24\x00\x00\x00WAVEfmt "), picture.ErrNoPicture},
		"a PDF":            {[]byte("%PDF-1.7\n\x89PNG\r\n\x1a\n"), picture.ErrNoPicture},
		"space before it":  {append([]byte(" "), whole...), picture.ErrNoPicture},
		"half of it":       {whole[:len(whole)/2], picture.ErrBroken},
		"only its name":    {whole[:8], picture.ErrBroken},
		"too long":         {append(whole, make([]byte, picture.Logo.Bytes)...), picture.ErrTooLong},
		"too wide":         {header(60000, 1, 8), picture.ErrBroken}, // few pixels, but none there
		"too many pixels":  {header(2049, 2048, 8), picture.ErrTooLarge},
		"a deep picture":   {header(2048, 1025, 16), picture.ErrTooLarge},
		"a bomb":           {header(1<<31-1, 1<<31-1, 8), picture.ErrBroken},
		"a bomb that fits": {header(46000, 46000, 8), picture.ErrTooLarge},
		"a moving WebP":    {[]byte("RIFF\x1e\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00ANIM\x00\x00\x00\x00"), picture.ErrBroken},
	} {
		out, err := picture.Square(t.Context(), bytes.NewReader(c.raw), picture.Logo)
		if !errors.Is(err, c.want) || out != nil {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
}

// header is the beginning of a PNG that says it has this size.
func header(width, height uint32, bits byte) []byte {
	chunk := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)...)
	chunk = append(chunk, bits, 2, 0, 0, 0)
	raw := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(raw, chunk...), crc32.ChecksumIEEE(chunk))
}

// The size that a file says it has is looked at first.
func TestThreat_D2_ABombIsRefusedBeforeItIsDecoded(t *testing.T) {
	bomb := header(46000, 46000, 8) // 8 GB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 20 {
		if _, err := picture.Square(t.Context(), bytes.NewReader(bomb), picture.Logo); !errors.Is(err, picture.ErrTooLarge) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("twenty bombs took %d bytes", took)
	}
}

// A progressive JPEG can walk over its pixels again for every few bytes.
func TestThreat_D2_AJPEGOfManyPassesIsRefused(t *testing.T) {
	raw := encoded(t, painted(64, 64), asJPEG)
	scan := raw[bytes.Index(raw, []byte{0xff, 0xda}) : len(raw)-2]
	long := raw[:len(raw)-2]
	for range 80 {
		long = append(long, scan...)
	}
	if _, err := picture.Square(t.Context(), bytes.NewReader(append(long, 0xff, 0xd9)), picture.Photo); !errors.Is(err, picture.ErrTooLarge) {
		t.Errorf("eighty passes: %v", err)
	}
}

// Each pass of a progressive JPEG adds to numbers that are kept for every pixel.
func TestThreat_D2_AJPEGInPassesMayHaveFewerPixels(t *testing.T) {
	for name, c := range map[string]struct {
		frame  byte
		before string // the frame
		want   error
	}{
		"one pass":       {0xc0, "", picture.ErrBroken}, // it has no pixels, but may have them
		"several passes": {0xc2, "", picture.ErrTooLarge},
		"hidden":         {0xc2, "\x00", picture.ErrTooLarge},
	} {
		raw := []byte("\xff\xd8\xff" + "\xe0\x00\x04ab" + c.before)
		raw = append(raw, 0xff, c.frame, 0, 17, 8, 4000>>8, 4000&0xff, 4000>>8, 4000&0xff, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0)
		raw = append(raw, 0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0)
		if _, err := picture.Square(t.Context(), bytes.NewReader(append(raw, 0xff, 0xd9)), picture.Photo); !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
}

// The canvas has pixels, and the picture on it none.
func TestAnEmptyPictureOfAGIFIsBroken(t *testing.T) {
	raw := encoded(t, painted(4, 4), asGIF)
	at := bytes.Index(raw, []byte{0x2c, 0, 0, 0, 0, 4, 0, 4, 0}) // the image descriptor
	copy(raw[at+5:], []byte{0, 0, 0, 0})
	for _, kind := range []picture.Kind{picture.Logo, picture.Photo} {
		if _, err := picture.Square(t.Context(), bytes.NewReader(raw), kind); !errors.Is(err, picture.ErrBroken) {
			t.Errorf("%v", err)
		}
	}
}

// A small canvas with a large picture in it is what it says nowhere.
func TestThreat_D2_AWebPThatIsLargerThanItSays(t *testing.T) {
	var vp8l []byte
	vp8l = append(vp8l, 0x2f)
	vp8l = binary.LittleEndian.AppendUint32(vp8l, 0x3fff|0x3fff<<14)
	raw := []byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00VP8L\x06\x00\x00\x00")
	raw = append(append(raw, vp8l...), 0)
	binary.LittleEndian.PutUint32(raw[4:], uint32(len(raw)-8))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := picture.Square(t.Context(), bytes.NewReader(raw), picture.Logo)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, picture.ErrBroken) || after.TotalAlloc-before.TotalAlloc > 1<<20 {
		t.Errorf("%v, and it took %d bytes", err, after.TotalAlloc-before.TotalAlloc)
	}
}

// Whatever was in the file beside the picture stays behind.
func TestThreat_D2_NothingOfTheFileGoesOut(t *testing.T) {
	canary := "<script>canary</script>"
	plain := encoded(t, painted(200, 200), png.Encode)
	note := chunk("tEXt", "Comment\x00"+canary)
	for name, raw := range map[string][]byte{
		"a comment":          append(append(bytes.Clone(plain[:33]), note...), plain[33:]...),
		"a file behind it":   append(bytes.Clone(plain), "PK\x03\x04"+canary...),
		"a page behind it":   append(bytes.Clone(plain), canary...),
		"a JPEG's own notes": photograph(t, 1, canary),
	} {
		out, err := picture.Square(t.Context(), bytes.NewReader(raw), picture.Logo)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if bytes.Contains(out, []byte("canary")) {
			t.Errorf("%s: it is in what came out", name)
		}
		onlyPixels(t, out)
	}
}

func chunk(kind, data string) []byte {
	body := []byte(kind + data)
	raw := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	return binary.BigEndian.AppendUint32(append(raw, body...), crc32.ChecksumIEEE(body))
}

// onlyPixels checks that a PNG has a head, pixels and an end, and nothing after.
func onlyPixels(t testing.TB, raw []byte) {
	t.Helper()
	var kinds []string
	for rest := raw[8:]; len(rest) > 0; {
		length := binary.BigEndian.Uint32(rest)
		if kind := string(rest[4:8]); len(kinds) == 0 || kinds[len(kinds)-1] != kind {
			kinds = append(kinds, kind)
		}
		rest = rest[12+length:]
	}
	if got := strings.Join(kinds, " "); got != "IHDR IDAT IEND" {
		t.Errorf("the PNG has %s", got)
	}
}

// photograph is a JPEG whose notes say how to turn it.
func photograph(t testing.TB, orientation uint16, note string) []byte {
	t.Helper()
	tiff := []byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01")
	tiff = binary.BigEndian.AppendUint16(tiff, orientation)
	segment := append([]byte("Exif\x00\x00"), append(append(tiff, 0, 0, 0, 0, 0, 0), note...)...)
	app1 := append(binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(segment)+2)), segment...)
	raw := encoded(t, painted(256, 256), asJPEG)
	return append(append([]byte{0xff, 0xd8}, app1...), raw[2:]...)
}

// A picture that is redder to its right and bluer downwards tells a turn from a
// mirror.
func TestAPhotographStandsUpright(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 256, 256))
	for y := range 256 {
		for x := range 256 {
			m.Set(x, y, color.RGBA{R: uint8(x), B: uint8(y), A: 255})
		}
	}
	for how, want := range map[uint16][2]color.RGBA{ // at the upper left and the upper right
		0: {{A: 255}, {R: 255, A: 255}}, 9: {{A: 255}, {R: 255, A: 255}}, // no such orientation
		1: {{A: 255}, {R: 255, A: 255}}, 2: {{R: 255, A: 255}, {A: 255}},
		3: {{R: 255, B: 255, A: 255}, {B: 255, A: 255}}, 4: {{B: 255, A: 255}, {R: 255, B: 255, A: 255}},
		5: {{A: 255}, {B: 255, A: 255}}, 6: {{B: 255, A: 255}, {A: 255}},
		7: {{R: 255, B: 255, A: 255}, {R: 255, A: 255}}, 8: {{R: 255, A: 255}, {R: 255, B: 255, A: 255}},
	} {
		notes := photograph(t, how, "")
		raw := encoded(t, m, asJPEG)
		got := square(t, append(bytes.Clone(notes[:2+2+int(binary.BigEndian.Uint16(notes[4:]))]), raw[2:]...), picture.Photo)
		if !near(got, 1, 1, want[0]) || !near(got, 126, 1, want[1]) {
			t.Errorf("orientation %d: %v and %v; want %v", how, got.At(1, 1), got.At(126, 1), want)
		}
	}
}

// FuzzSquare: whatever comes in, what goes out is a small PNG of nothing but
// pixels, the same one each time, and one that stays what it is.
func FuzzSquare(f *testing.F) {
	f.Add(encoded(f, painted(20, 10), png.Encode))
	f.Add(encoded(f, painted(20, 10), asJPEG))
	f.Add(encoded(f, painted(20, 10), asGIF))
	f.Add(photograph(f, 6, "a note"))
	f.Add(fromBase64(f, webpExact))
	f.Add(fromBase64(f, webpLossy))
	f.Add(header(46000, 46000, 8))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, kind := range []picture.Kind{picture.Logo, picture.Photo} {
			out, err := picture.Square(t.Context(), bytes.NewReader(raw), kind)
			if err != nil {
				if out != nil {
					t.Error("a refused picture came out")
				}
				continue
			}
			onlyPixels(t, out)
			again, err := picture.Square(t.Context(), bytes.NewReader(raw), kind)
			if err != nil || !bytes.Equal(out, again) {
				t.Errorf("the second time it is another one: %v", err)
			}
			if _, err := picture.Square(t.Context(), bytes.NewReader(out), kind); err != nil {
				t.Errorf("what came out does not go in: %v", err)
			}
		}
	})
}
