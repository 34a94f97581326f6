package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// The scopes that let an app read files' names, files' content, and change
// files. drive.file does all three, for files opened with the app.
func driveSees() []string {
	return []string{"drive", "drive.readonly", "drive.metadata.readonly", "drive.file"}
}
func driveReads() []string  { return []string{"drive", "drive.readonly", "drive.file"} }
func driveWrites() []string { return []string{"drive", "drive.file"} }

// driveRoutes is every route of Drive that exists here.
func (g *Google) driveRoutes() {
	g.handle("GET /drive/v3/about", driveSees(), g.driveAbout)
	g.handle("GET /drive/v3/drives", []string{"drive", "drive.readonly"}, g.listDrives)
	g.handle("GET /drive/v3/drives/{id}", []string{"drive", "drive.readonly"}, g.getDrive)
	g.handle("GET /drive/v3/files", driveSees(), g.listFiles)
	g.handle("GET /drive/v3/files/generateIds", driveWrites(), g.generateIDs)
	g.handle("GET /drive/v3/files/{id}", driveSees(), g.getFile)
	g.handle("GET /drive/v3/files/{id}/export", driveReads(), g.exportFile)
	g.handle("POST /drive/v3/files", driveWrites(), g.createFile)
	g.handle("POST /drive/v3/files/{id}/copy", driveWrites(), g.copyFile)
	g.handle("PATCH /drive/v3/files/{id}", driveWrites(), g.updateFile)
	g.handle("POST /upload/drive/v3/files", driveWrites(), g.uploadFile)
	g.handle("PATCH /upload/drive/v3/files/{id}", driveWrites(), g.uploadFile)
	g.mux.HandleFunc("GET /simulator/download/{ticket}", g.download)
}

func (g *Google) driveAbout(c googleCall) apiReply {
	if c.query.Get("fields") == "" {
		return googleError(http.StatusBadRequest, "required", "The 'fields' parameter is required for this method.").at("fields")
	}
	return c.masked(object{"kind": "drive#about", "user": driveUser(c.who), "maxUploadSize": "1048576"}, "")
}

func driveUser(a *googleAccount) object {
	return object{"kind": "drive#user", "displayName": a.fullName, "me": false, "permissionId": a.sub, "emailAddress": a.email,
		"photoLink": "https://lh3.googleusercontent.com/a/" + a.name + "=s64"}
}

func (g *Google) listDrives(c googleCall) apiReply {
	page, next, refusal := googlePage(c, g.world.drives, "pageSize", 10, 100, func(d *sharedDrive) string { return d.id })
	if refusal != nil {
		return *refusal
	}
	shown := []object{}
	for _, d := range page {
		shown = append(shown, object{"kind": "drive#drive", "id": d.id, "name": d.name})
	}
	return c.masked(withNext(object{"kind": "drive#driveList", "drives": shown}, next), "")
}

func withNext(body object, next string) object {
	if next != "" {
		body["nextPageToken"] = next
	}
	return body
}

func (g *Google) getDrive(c googleCall) apiReply {
	found := g.world.sharedDrive(c.PathValue("id"))
	if found == nil {
		return googleError(http.StatusNotFound, "notFound", "Shared drive not found: "+c.PathValue("id"))
	}
	return c.masked(object{"kind": "drive#drive", "id": found.id, "name": found.name, "createdTime": found.created.Format(googleTime)}, "kind,id,name")
}

// onlyOpened reports whether the app reaches only files opened with it.
func (c googleCall) onlyOpened() bool {
	return !c.may("drive", "drive.readonly", "drive.metadata.readonly")
}

// reachFile finds a file the caller may see. What is absent and what is not
// shared look the same; what was not opened with the app does not.
func (g *Google) reachFile(c googleCall, id string) (*driveFile, *apiReply) {
	if id == "root" {
		id = c.who.root
	}
	found := g.world.file(id)
	if found == nil || !g.world.canRead(c.who, found) || found.drive != "" && c.query.Get("supportsAllDrives") != "true" {
		refusal := googleError(http.StatusNotFound, "notFound", "File not found: "+id+".").at("fileId")
		return nil, &refusal
	}
	if c.onlyOpened() && !g.world.opened[c.who.sub+"/"+found.id] {
		refusal := googleError(http.StatusForbidden, "appNotAuthorizedToFile",
			"The user has not granted the app "+g.cfg.ClientID+" read access to the file "+found.id+".")
		return nil, &refusal
	}
	return found, nil
}

// listFiles is Drive's only list: everything is a search.
func (g *Google) listFiles(c googleCall) apiReply {
	test, refusal := g.fileSearch(c)
	if refusal != nil {
		return *refusal
	}
	all := c.query.Get("includeItemsFromAllDrives") == "true" && c.query.Get("supportsAllDrives") == "true"
	var list []*driveFile
	for _, f := range g.world.files {
		switch {
		case f.parent == "" && f.drive != "", f.id == c.who.root: // the tops are in no list
		case f.drive != "" && !all, !g.world.canRead(c.who, f), !test(f):
		case c.query.Get("corpora") == "drive" && f.drive != c.query.Get("driveId"):
		case c.onlyOpened() && !g.world.opened[c.who.sub+"/"+f.id]:
		default:
			list = append(list, f)
		}
	}
	if !sortFiles(list, c.query.Get("orderBy")) {
		return googleInvalid("orderBy", "Invalid Value")
	}
	page, next, refusal := googlePage(c, list, "pageSize", 100, 1000, func(f *driveFile) string { return f.id })
	if refusal != nil {
		return *refusal
	}
	shown := []object{}
	for _, f := range page {
		shown = append(shown, g.fileShape(c, f))
	}
	return c.masked(withNext(object{"kind": "drive#fileList", "incompleteSearch": false, "files": shown}, next),
		"kind,incompleteSearch,nextPageToken,files(kind,id,name,mimeType)")
}

// fileSearch checks the parameters of a list and makes the test of its q.
func (g *Google) fileSearch(c googleCall) (fileTest, *apiReply) {
	refuse := func(parameter, message string) (fileTest, *apiReply) {
		refusal := googleInvalid(parameter, message)
		return nil, &refusal
	}
	switch corpora := c.query.Get("corpora"); {
	case corpora == "drive" && g.world.sharedDrive(c.query.Get("driveId")) == nil:
		refusal := googleError(http.StatusNotFound, "notFound", "Shared drive not found: "+c.query.Get("driveId")).at("driveId")
		return nil, &refusal
	case !slices.Contains([]string{"", "user", "drive", "allDrives"}, corpora):
		return refuse("corpora", "Invalid Value")
	case c.query.Has("driveId") && corpora != "drive":
		return refuse("driveId", "The driveId parameter must be specified if and only if corpora is set to drive.")
	case !slices.Contains([]string{"", "drive"}, c.query.Get("spaces")):
		return refuse("spaces", "Invalid Value")
	}
	test, err := g.world.parseFileQuery(c.query.Get("q"), c.who)
	if err != nil {
		return refuse("q", "Invalid Value")
	}
	return test, nil
}

// sortFiles orders a list by one or more keys; false for a key that does not
// exist.
func sortFiles(list []*driveFile, keys string) bool {
	known := map[string]func(a, b *driveFile) int{
		"name":         func(a, b *driveFile) int { return cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name)) },
		"modifiedTime": func(a, b *driveFile) int { return a.modified.Compare(b.modified) },
		"createdTime":  func(a, b *driveFile) int { return a.created.Compare(b.created) },
		"folder": func(a, b *driveFile) int {
			return cmp.Compare(fmt.Sprint(!a.folder()), fmt.Sprint(!b.folder()))
		},
	}
	known["name_natural"], known["recency"] = known["name"], known["modifiedTime"]
	var order []func(a, b *driveFile) int
	for key := range strings.SplitSeq(cmp.Or(keys, "modifiedTime desc"), ",") {
		name, direction, _ := strings.Cut(strings.TrimSpace(key), " ")
		compare, exists := known[name]
		if !exists || direction != "" && direction != "desc" {
			return false
		}
		order = append(order, func(a, b *driveFile) int {
			if direction == "desc" {
				return compare(b, a)
			}
			return compare(a, b)
		})
	}
	slices.SortStableFunc(list, func(a, b *driveFile) int {
		for _, compare := range order {
			if n := compare(a, b); n != 0 {
				return n
			}
		}
		return 0
	})
	return true
}

// getFile answers metadata, or the content with alt=media.
func (g *Google) getFile(c googleCall) apiReply {
	found, refusal := g.reachFile(c, c.PathValue("id"))
	switch {
	case refusal != nil:
		return *refusal
	case c.query.Get("alt") != "media":
		return c.masked(g.fileShape(c, found), "kind,id,name,mimeType")
	case !c.may(driveReads()...):
		return googleRefusal(http.StatusForbidden, "PERMISSION_DENIED", "insufficientPermissions", "Insufficient Permission",
			"Request had insufficient authentication scopes.", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
	case found.native() || found.folder() || found.target != "":
		return googleError(http.StatusForbidden, "fileNotDownloadable",
			"Only files with binary content can be directly downloaded. Use Export with Docs Editors files.").at("alt")
	case g.quirks.SignedRedirect:
		return apiReply{status: http.StatusFound}.with("Location", otherHost(c.Request)+"/simulator/download/"+g.ticket(found.id))
	}
	return apiReply{status: http.StatusOK, raw: found.content}.with("Content-Type", found.mime)
}

// exportFile converts a document. Only texts can be had.
func (g *Google) exportFile(c googleCall) apiReply {
	found, refusal := g.reachFile(c, c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	wanted := c.query.Get("mimeType")
	switch {
	case !found.native():
		return googleError(http.StatusForbidden, "fileNotExportable", "Export only supports Docs Editors files.")
	case wanted == "":
		return googleError(http.StatusBadRequest, "required", "Required parameter: mimeType").at("mimeType")
	case !slices.Contains(exportKinds(found), wanted):
		return googleError(http.StatusBadRequest, "badRequest", "The requested conversion is not supported.")
	}
	return apiReply{status: http.StatusOK, raw: found.content}.with("Content-Type", wanted)
}

func exportKinds(f *driveFile) []string {
	switch f.mime {
	case googleDoc:
		return []string{"text/plain", "text/markdown"}
	case googleSheet:
		return []string{"text/csv"}
	}
	return nil
}
