package bearer

import (
	"encoding/binary"
	"testing"
	"time"
)

func TestTheCacheStaysSmallAndKeepsWhatIsNew(t *testing.T) {
	c := newCache(10)
	until := time.Now().Add(time.Hour)
	named := func(n int) (k key) {
		binary.BigEndian.PutUint64(k[:], uint64(n))
		return k
	}
	for n := range 1000 {
		c.put(named(n), remembered{until: until})
		if size := len(c.young) + len(c.old); size > 10 {
			t.Fatalf("%d answers are remembered after %d, want at most 10", size, n+1)
		}
		for back := range min(n, 5) {
			if _, ok := c.find(named(n - back)); !ok {
				t.Fatalf("after %d answers number %d is forgotten", n+1, n-back)
			}
		}
	}
}
