package simulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"
)

// fileChange is what a caller sends about a file. What is not here is refused:
// sharing, properties and the rest do not exist.
type fileChange struct {
	ID              string   `json:"id"`
	Name            *string  `json:"name"`
	Description     *string  `json:"description"`
	MimeType        string   `json:"mimeType"`
	Parents         []string `json:"parents"`
	Starred         *bool    `json:"starred"`
	Trashed         *bool    `json:"trashed"`
	ShortcutDetails *struct {
		TargetID string `json:"targetId"`
	} `json:"shortcutDetails"`
}

// strictChange reads a change and refuses fields that nothing here does.
func strictChange(sent []byte) (fileChange, *apiReply) {
	var change fileChange
	if len(bytes.TrimSpace(sent)) == 0 {
		return change, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(sent))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&change)
	if err != nil {
		refusal := googleError(http.StatusBadRequest, "invalid", "Not simulated or not JSON: "+err.Error())
		return change, &refusal
	}
	return change, nil
}

// createFile makes a file without content, a folder or a shortcut.
func (g *Google) createFile(c googleCall) apiReply {
	change, refusal := strictChange(c.sent)
	if refusal != nil {
		return *refusal
	}
	return g.create(c, change, nil)
}

// create puts a new file where the change says, in My Drive if it says nothing.
func (g *Google) create(c googleCall, change fileChange, content []byte) apiReply {
	parent := c.who.root
	switch {
	case len(change.Parents) > 1:
		return googleInvalid("parents", "A file cannot have more than one parent.")
	case len(change.Parents) == 1:
		parent = change.Parents[0]
	}
	into, refusal := g.folderFor(c, parent)
	switch {
	case refusal != nil:
		return *refusal
	case len(g.world.files) >= maxFiles:
		return googleError(http.StatusForbidden, "storageQuotaExceeded", "The user's Drive storage quota has been exceeded.")
	case change.ID != "" && g.world.file(change.ID) != nil:
		return googleError(http.StatusConflict, "fileIdInUse", "A file already exists with the provided ID.")
	}
	now := g.cfg.Now()
	added := &driveFile{
		id: cmp.Or(change.ID, g.newFileID()), parent: into.id, name: "Untitled", mime: cmp.Or(change.MimeType, "application/octet-stream"),
		owner: c.who, drive: into.drive, content: content, created: now, version: 1,
	}
	if into.drive != "" {
		added.owner = nil
	}
	if change.ShortcutDetails != nil {
		target, refusal := g.reachFile(c, change.ShortcutDetails.TargetID)
		if refusal != nil {
			return *refusal
		}
		added.mime, added.target = googleLink, target.id
	}
	change.apply(added, now)
	g.world.files = append(g.world.files, added)
	g.world.open(c.who, added.id)
	return c.masked(g.fileShape(c, added), "kind,id,name,mimeType")
}

// apply changes what a file says about itself.
func (change fileChange) apply(f *driveFile, now time.Time) {
	f.modified = now
	f.version++
	if change.Name != nil {
		f.name = *change.Name
	}
	if change.Description != nil {
		f.description = *change.Description
	}
	if change.Starred != nil {
		f.starred = *change.Starred
	}
	if change.Trashed != nil {
		f.trashed = *change.Trashed
	}
}

func (g *Google) newFileID() string {
	g.world.serial++
	return fmt.Sprintf("1New%04d%s", g.world.serial, randomText(25))
}

// folderFor finds a folder that the caller may put things into. The top of My
// Drive is open to an app that reaches only its own files.
func (g *Google) folderFor(c googleCall, id string) (*driveFile, *apiReply) {
	if id == "root" || id == c.who.root {
		return g.world.file(c.who.root), nil
	}
	found, refusal := g.reachFile(c, id)
	if refusal != nil {
		return nil, refusal
	}
	if !found.folder() || !g.world.canWrite(c.who, found) {
		no := googleError(http.StatusForbidden, "insufficientFilePermissions", "The user does not have sufficient permissions for this file.")
		return nil, &no
	}
	return found, nil
}

// updateFile changes metadata, moves, bins and takes out of the bin.
func (g *Google) updateFile(c googleCall) apiReply {
	change, refusal := strictChange(c.sent)
	if refusal != nil {
		return *refusal
	}
	return g.update(c, change, nil)
}

func (g *Google) update(c googleCall, change fileChange, content []byte) apiReply {
	found, refusal := g.reachFile(c, c.PathValue("id"))
	switch {
	case refusal != nil:
		return *refusal
	case !g.world.canWrite(c.who, found) || found.parent == "":
		return googleError(http.StatusForbidden, "insufficientFilePermissions", "The user does not have sufficient permissions for this file.")
	case len(change.Parents) > 0:
		return googleError(http.StatusForbidden, "fieldNotWritable", "The parents field is not directly writable in update requests. Use the addParents and removeParents parameters instead.")
	case content != nil && (found.native() || found.folder()):
		return googleError(http.StatusBadRequest, "badRequest", "Bad Request")
	}
	refusal = g.move(c, found)
	if refusal != nil {
		return *refusal
	}
	change.apply(found, g.cfg.Now())
	if content != nil {
		found.content = content
		found.mime = cmp.Or(change.MimeType, found.mime)
	}
	return c.masked(g.fileShape(c, found), "kind,id,name,mimeType")
}

// move obeys addParents and removeParents. A file has one parent: adding one
// without taking the other away is refused.
func (g *Google) move(c googleCall, f *driveFile) *apiReply {
	add, remove := c.query.Get("addParents"), c.query.Get("removeParents")
	if add == "" && remove == "" {
		return nil
	}
	if add == "" || remove != f.parent {
		refusal := googleError(http.StatusForbidden, "cannotAddParent", "Increasing the number of parents is not allowed")
		return &refusal
	}
	into, refusal := g.folderFor(c, add)
	if refusal != nil {
		return refusal
	}
	if g.world.below(into, f.id) || into.drive != f.drive {
		no := googleError(http.StatusForbidden, "cannotMoveFile", "This file cannot be moved there.")
		return &no
	}
	f.parent = into.id
	return nil
}

func (g *Google) copyFile(c googleCall) apiReply {
	found, refusal := g.reachFile(c, c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	change, refusal := strictChange(c.sent)
	switch {
	case refusal != nil:
		return *refusal
	case found.folder():
		return googleError(http.StatusForbidden, "cannotCopyFile", "This file cannot be copied by the user.")
	}
	if change.Name == nil {
		name := "Copy of " + found.name
		change.Name = &name
	}
	if len(change.Parents) == 0 && found.owner == c.who {
		change.Parents = []string{found.parent}
	}
	change.MimeType = found.mime
	return g.create(c, change, slices.Clone(found.content))
}

func (g *Google) generateIDs(c googleCall) apiReply {
	ids := []string{}
	for range min(positive(c.query.Get("count"), 10), 1000) {
		ids = append(ids, g.newFileID())
	}
	return ok(object{"kind": "drive#generatedIds", "space": "drive", "ids": ids})
}

// uploadFile creates or changes a file with content: uploadType=media is the
// content alone, multipart is metadata and content. Resumable uploads do not
// exist here.
func (g *Google) uploadFile(c googleCall) apiReply {
	var change fileChange
	content, kind := c.sent, c.Header.Get("Content-Type")
	switch c.query.Get("uploadType") {
	case "media":
	case "multipart":
		meta, body, partKind, err := relatedParts(kind, c.sent)
		if err != nil {
			return googleError(http.StatusBadRequest, "badContent", "Malformed multipart body.")
		}
		var refusal *apiReply
		change, refusal = strictChange(meta)
		if refusal != nil {
			return *refusal
		}
		content, kind = body, partKind
	default:
		return googleInvalid("uploadType", "Only media and multipart are simulated.")
	}
	if kind, _, err := mime.ParseMediaType(kind); err == nil && change.MimeType == "" {
		change.MimeType = kind
	}
	if c.Method == http.MethodPatch {
		return g.update(c, change, content)
	}
	return g.create(c, change, content)
}

// relatedParts reads a multipart/related body of metadata and content.
func relatedParts(contentType string, sent []byte) (meta, content []byte, kind string, err error) {
	form, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(form, "multipart/") {
		return nil, nil, "", fmt.Errorf("no multipart body: %s", contentType)
	}
	reader := multipart.NewReader(bytes.NewReader(sent), parameters["boundary"])
	first, err := reader.NextPart()
	if err == nil {
		meta, err = io.ReadAll(first)
	}
	if err != nil {
		return nil, nil, "", err
	}
	second, err := reader.NextPart()
	if err == nil {
		content, err = io.ReadAll(second)
	}
	if err != nil {
		return nil, nil, "", err
	}
	return meta, content, second.Header.Get("Content-Type"), nil
}

// ticket is the signed end of an address that needs no token. It is hard to guess
// and no more than that.
func (g *Google) ticket(fileID string) string {
	return sha1Hex(g.cfg.ClientSecret+fileID) + "-" + fileID
}

// download serves a signed address.
func (g *Google) download(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, func([]byte, error) apiReply {
		_, id, _ := strings.Cut(r.PathValue("ticket"), "-")
		found := g.world.file(id)
		if found == nil || g.ticket(id) != r.PathValue("ticket") {
			return googleError(http.StatusForbidden, "forbidden", "Forbidden")
		}
		return apiReply{status: http.StatusOK, raw: found.content}.with("Content-Type", found.mime)
	})
}
