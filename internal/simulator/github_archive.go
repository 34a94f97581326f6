package simulator

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// getTarball sends the caller to a signed address on another host, which works
// without a token.
func (g *GitHub) getTarball(c apiCall) apiReply {
	ref := c.PathValue("ref")
	if !c.repo.known(ref) {
		return notFound()
	}
	target := otherHost(c.Request) + "/simulator/archive/" + g.archiveTicket(c.repo, ref) + "?ref=" + ref
	return apiReply{status: http.StatusFound}.with("Location", target)
}

// archiveTicket is the signed end of such an address: hard to guess, and no more
// than that.
func (g *GitHub) archiveTicket(r *repository, ref string) string {
	return fmt.Sprintf("%d-%s", r.id, sha1Hex(g.cfg.ClientSecret+strconv.FormatInt(r.id, 10)+ref))
}

// archive serves a signed address.
func (g *GitHub) archive(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, func([]byte, error) apiReply {
		id, _, _ := strings.Cut(r.PathValue("ticket"), "-")
		ref := r.URL.Query().Get("ref")
		found := g.world.byID(whole(id))
		if found == nil || g.archiveTicket(found, ref) != r.PathValue("ticket") {
			return notFound()
		}
		packed, err := pack(found, ref)
		if err != nil {
			return complaint(http.StatusInternalServerError, "Server Error")
		}
		return apiReply{status: http.StatusOK, raw: packed}.with("Content-Type", "application/x-gzip")
	})
}

// pack makes a tar.gz of the files of a branch or commit.
func pack(r *repository, ref string) ([]byte, error) {
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	archive := tar.NewWriter(zipped)
	for _, path := range slices.Sorted(maps.Keys(r.files)) {
		content, _ := r.file(ref, path)
		err := archive.WriteHeader(&tar.Header{Name: r.owner.login + "-" + r.name + "/" + path, Mode: 0o644, Size: int64(len(content)), ModTime: r.pushed})
		if err != nil {
			return nil, err
		}
		_, err = archive.Write([]byte(content))
		if err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	if err != nil {
		return nil, err
	}
	err = zipped.Close()
	return out.Bytes(), err
}
