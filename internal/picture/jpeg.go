package picture

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// The markers that are looked for (ITU T.81 table B.1).
const (
	baseline     = 0xc0
	extended     = 0xc1
	startOfScan  = 0xda
	application1 = 0xe1
)

func isJPEG(raw []byte) bool { return bytes.HasPrefix(raw, []byte{0xff, 0xd8}) }

// segments are the markers before the picture itself, with what they contain. They
// end where the file is not as it should be; a file of another kind has none.
func segments(raw []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		if !isJPEG(raw) {
			return
		}
		for rest := raw[2:]; len(rest) >= 4 && rest[0] == 0xff; {
			marker, length := rest[1], int(binary.BigEndian.Uint16(rest[2:]))
			if marker == startOfScan || length < 2 || 2+length > len(rest) || !yield(marker, rest[4:2+length]) {
				return
			}
			rest = rest[2+length:]
		}
	}
}

// onePass reports whether a JPEG is certain to come in one pass.
func onePass(raw []byte) bool {
	for marker := range segments(raw) {
		if marker == baseline || marker == extended {
			return true
		}
	}
	return false
}
