package catalog

import "testing"

func TestTheEmbeddedFilesAreSound(t *testing.T) {
	if _, err := Default(); err != nil {
		t.Fatal(err)
	}
}
