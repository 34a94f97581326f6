package simulator

import (
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const googleTime = "2006-01-02T15:04:05.000Z"

// fileShape is a file with everything Drive tells about it, addresses that need
// no token among it.
func (g *Google) fileShape(c googleCall, f *driveFile) object {
	mine, canWrite := f.owner == c.who, g.world.canWrite(c.who, f)
	shape := object{
		"kind": "drive#file", "id": f.id, "name": f.name, "mimeType": f.mime, "starred": f.starred,
		"trashed": g.world.inTrash(f), "explicitlyTrashed": f.trashed, "spaces": []string{"drive"}, "version": strconv.Itoa(f.version),
		"createdTime": f.created.UTC().Format(googleTime), "modifiedTime": f.modified.UTC().Format(googleTime),
		"webViewLink": "https://drive.google.com/file/d/" + f.id + "/view", "iconLink": "https://drive-thirdparty.googleusercontent.com/16/type/" + f.mime,
		"ownedByMe": mine, "shared": f.drive != "" || len(f.readers) > 0, "writersCanShare": true, "viewedByMe": true,
		"capabilities": object{"canEdit": canWrite, "canTrash": canWrite, "canAddChildren": canWrite && f.folder(), "canDownload": !f.folder(),
			"canListChildren": f.folder(), "canCopy": !f.folder(), "canRename": canWrite, "canShare": canWrite, "canDelete": canWrite},
	}
	if f.description != "" {
		shape["description"] = f.description
	}
	// A parent that the caller cannot see is not told.
	if parent := g.world.file(f.parent); parent != nil && g.world.canRead(c.who, parent) {
		shape["parents"] = []string{f.parent}
	}
	if f.drive != "" {
		shape["driveId"], shape["teamDriveId"] = f.drive, f.drive
	} else {
		owner := driveUser(f.owner)
		owner["me"] = mine
		shape["owners"], shape["lastModifyingUser"] = []object{owner}, owner
		shape["permissions"] = g.permissions(f)
	}
	addContent(shape, f, g.world.file(f.target))
	return shape
}

// permissions name other people with their addresses.
func (g *Google) permissions(f *driveFile) []object {
	list := []object{{"kind": "drive#permission", "id": f.owner.sub, "type": "user", "role": "owner", "emailAddress": f.owner.email, "displayName": f.owner.fullName}}
	for _, name := range f.readers {
		a := g.world.account(name)
		list = append(list, object{"kind": "drive#permission", "id": a.sub, "type": "user", "role": "reader", "emailAddress": a.email, "displayName": a.fullName})
	}
	return list
}

// addContent says what there is to download.
func addContent(shape object, f, target *driveFile) {
	switch {
	case f.target != "":
		details := object{"targetId": f.target}
		if target != nil {
			details["targetMimeType"] = target.mime
		}
		shape["shortcutDetails"] = details
	case f.native():
		links := object{}
		for _, kind := range exportKinds(f) {
			links[kind] = "https://docs.google.com/feeds/download/export?id=" + f.id + "&exportFormat=" + url.QueryEscape(kind)
		}
		shape["exportLinks"] = links
	case !f.folder():
		sum := md5.Sum(f.content)
		shape["md5Checksum"], shape["size"] = hex.EncodeToString(sum[:]), strconv.Itoa(len(f.content))
		shape["quotaBytesUsed"], shape["originalFilename"], shape["headRevisionId"] = shape["size"], f.name, "0B"+f.id[:10]+strconv.Itoa(f.version)
		shape["webContentLink"] = "https://drive.google.com/uc?id=" + f.id + "&export=download"
		shape["thumbnailLink"] = "https://lh3.googleusercontent.com/drive-storage/" + f.id + "=s220"
		if dot := strings.LastIndexByte(f.name, '.'); dot > 0 {
			shape["fileExtension"] = f.name[dot+1:]
		}
	}
}

// otherHost is this very simulator under its other name: what a signed address
// of a provider leads to is another host.
func otherHost(r *http.Request) string {
	_, port, _ := strings.Cut(r.Host, ":")
	name := "localhost"
	if strings.HasPrefix(r.Host, name) {
		name = "127.0.0.1"
	}
	return "http://" + name + ":" + port
}
