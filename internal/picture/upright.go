package picture

import (
	"bytes"
	"encoding/binary"
	"image"
)

// A telephone stores a photograph as its sensor lay and writes beside it how to
// turn it (EXIF 2.32 section 4.6.4, tag 0x0112). That note goes with the rest of the
// metadata, so the picture itself is turned.

// The orientations, by what the picture's first row and column really are.
const (
	plain       = 1 // top, left
	mirrored    = 2 // top, right
	upsideDown  = 3 // bottom, right
	flipped     = 4 // bottom, left
	transposed  = 5 // left, top
	turnedLeft  = 6 // right, top
	transverse  = 7 // right, bottom
	turnedRight = 8 // left, bottom
)

// upright turns a square as its orientation says.
func upright(m *image.RGBA, how int) *image.RGBA {
	if how == plain {
		return m
	}
	const end = Side - 1
	out := image.NewRGBA(m.Rect)
	for y := range Side {
		for x := range Side {
			from := image.Pt(x, y)
			switch how {
			case mirrored:
				from = image.Pt(end-x, y)
			case upsideDown:
				from = image.Pt(end-x, end-y)
			case flipped:
				from = image.Pt(x, end-y)
			case transposed:
				from = image.Pt(y, x)
			case turnedLeft:
				from = image.Pt(y, end-x)
			case transverse:
				from = image.Pt(end-y, end-x)
			case turnedRight:
				from = image.Pt(end-y, x)
			}
			out.SetRGBA(x, y, m.RGBAAt(from.X, from.Y))
		}
	}
	return out
}

// orientation reads how a JPEG wants to be turned. Whatever it cannot read, and
// every other kind of file, is plain.
func orientation(raw []byte) int {
	for marker, body := range segments(raw) {
		if tiff, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00")); ok && marker == application1 {
			return tiffOrientation(tiff)
		}
	}
	return plain
}

// tiffOrientation reads it from the first directory of a TIFF header.
func tiffOrientation(tiff []byte) int {
	var order binary.ByteOrder
	switch {
	case len(tiff) < 8:
		return plain
	case string(tiff[:4]) == "II*\x00":
		order = binary.LittleEndian
	case string(tiff[:4]) == "MM\x00*":
		order = binary.BigEndian
	default:
		return plain
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return plain
	}
	const entry, tag, short = 12, 0x0112, 3
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < entry {
			return plain
		}
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			if how := int(order.Uint16(entries[8:])); how >= plain && how <= turnedRight {
				return how
			}
			return plain
		}
		entries = entries[entry:]
	}
	return plain
}
