package simulator_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

const (
	relaunch = "1AnaRelaunchFolder0000000000000000"
	projects = "1AnaProjectsFolder0000000000000000"
	planDoc  = "1AnaRelaunchPlanDoc000000000000000"
	notesTxt = "1AnaMeetingNotesTxt000000000000000"
)

// search lists the names that a Drive search finds, over all pages.
func (c *campus) search(token string, query url.Values) []string {
	c.t.Helper()
	var names []string
	for {
		status, answer := c.api("GET", "/drive/v3/files?"+query.Encode(), token, "")
		if status != 200 {
			return []string{reason(answer)}
		}
		for _, f := range answer["files"].([]any) {
			names = append(names, f.(map[string]any)["name"].(string))
		}
		next, more := answer["nextPageToken"].(string)
		if !more {
			slices.Sort(names)
			return names
		}
		query.Set("pageToken", next)
	}
}

func TestDriveSearch(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	token := c.token("drive.readonly")
	for _, k := range []struct {
		q    string
		want []string
	}{
		{"'" + relaunch + "' in parents", []string{"Costs", "Relaunch plan", "logo.svg"}},
		{"'" + relaunch + "' in parents and name contains 'plan'", []string{"Relaunch plan"}},
		{"'" + relaunch + "' in parents and not mimeType = 'image/svg+xml'", []string{"Costs", "Relaunch plan"}},
		{"name = 'Diary' and trashed = false", []string{"Diary", "Diary"}},
		{"trashed=true", []string{"Old list.txt"}},
		{"fullText contains 'Ben writes'", []string{"Relaunch plan"}},
		{"fullText contains 'nothing\\'s here'", nil},
		{"sharedWithMe", []string{"Shop texts"}},
		{"(name = 'Costs' or name = 'Projects') and 'me' in owners", []string{"Costs", "Projects"}},
		{"name = 'Costs' and 'ben@northwind.example' in owners", nil},
		{"(name = 'Costs' or name = 'Projects') and 'ana@northwind.example' in owners", []string{"Costs", "Projects"}},
		{"name contains 'aunch'", nil}, // from the beginning of a word only
		{"mimeType = '" + "application/vnd.google-apps.folder" + "' and 'root' in parents", []string{"Private", "Projects"}},
		{"name contains 'Invoice' and modifiedTime > '2026-11-11T00:00:00Z'", []string{"Invoice 01.txt", "Invoice 02.txt", "Invoice 03.txt"}},
		{"name contains 'plan", []string{"invalid"}},
		{"name like 'x'", []string{"invalid"}},
		{"(name = 'x'", []string{"invalid"}},
		{"name = 'x' name = 'y'", []string{"invalid"}},
		{"'" + relaunch + "' in editors", []string{"invalid"}},
		{"trashed = maybe", []string{"invalid"}},
	} {
		if diff := cmp.Diff(k.want, c.search(token, url.Values{"q": {k.q}, "pageSize": {"2"}})); diff != "" {
			t.Errorf("q=%s: %s", k.q, diff)
		}
	}
}

func TestDriveListsAndDrives(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	token := c.token("drive.readonly")
	office := url.Values{"corpora": {"drive"}, "driveId": {"0AOfficeDriveUk9PVA"}, "includeItemsFromAllDrives": {"true"}, "supportsAllDrives": {"true"}}
	if diff := cmp.Diff([]string{"Floor plan.txt", "Handbook", "Holiday rules"}, c.search(token, office)); diff != "" {
		t.Errorf("the shared drive: %s", diff)
	}
	mine := c.search(token, url.Values{"pageSize": {"7"}})
	if slices.Contains(mine, "Handbook") || !slices.Contains(mine, "Shop texts") || slices.Contains(mine, "Texts") || len(mine) != 9+24+1+1 {
		t.Errorf("her files are %v", mine)
	}
	for parameter, value := range map[string]string{"orderBy": "size", "pageToken": "bm9wZQ==", "corpora": "domain", "spaces": "photos"} {
		status, answer := c.api("GET", "/drive/v3/files?"+url.Values{parameter: {value}}.Encode(), token, "")
		if status != 400 || reason(answer) != "invalid" {
			t.Errorf("%s=%s: %d %v", parameter, value, status, answer)
		}
	}
	status, _ := c.api("GET", "/drive/v3/files/1OfficeFloorPlanTxt000000000000000", token, "")
	with, _ := c.api("GET", "/drive/v3/files/1OfficeFloorPlanTxt000000000000000?supportsAllDrives=true", token, "")
	if status != 404 || with != 200 {
		t.Errorf("a file of a shared drive: %d, with supportsAllDrives %d", status, with)
	}
	_, drives := c.api("GET", "/drive/v3/drives", token, "")
	wantText(t, "shared drive", drives["drives"].([]any)[0].(map[string]any)["name"], "Office")
	_, sorted := c.api("GET", "/drive/v3/files?orderBy=folder,name&pageSize=3&fields=files/name", token, "")
	want := map[string]any{"files": []any{map[string]any{"name": "Private"}, map[string]any{"name": "Projects"}, map[string]any{"name": "Website relaunch"}}}
	if diff := cmp.Diff(want, sorted); diff != "" {
		t.Errorf("sorted and masked: %s", diff)
	}
}

func TestDriveFiles(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	token := c.token("drive.readonly")
	_, usual := c.api("GET", "/drive/v3/files/"+planDoc, token, "")
	if diff := cmp.Diff(map[string]any{"kind": "drive#file", "id": planDoc, "name": "Relaunch plan", "mimeType": "application/vnd.google-apps.document"}, usual); diff != "" {
		t.Errorf("without fields: %s", diff)
	}
	_, link := c.api("GET", "/drive/v3/files/1AnaShortcutToDiary000000000000000?fields=parents,shortcutDetails(targetId)", token, "")
	want := map[string]any{"parents": []any{projects}, "shortcutDetails": map[string]any{"targetId": "1AnaDiaryDoc0000000000000000000000"}}
	if diff := cmp.Diff(want, link); diff != "" {
		t.Errorf("the shortcut: %s", diff)
	}
	_, shared := c.api("GET", "/drive/v3/files/1BenShopTextDoc0000000000000000000?fields=*", token, "")
	if shared["parents"] != nil || shared["ownedByMe"] != false || len(shared["permissions"].([]any)) != 2 {
		t.Errorf("a file from ben tells %v", shared)
	}
	status, _, content := raw(t, request(t, "GET", c.srv.URL+"/drive/v3/files/"+notesTxt+"?alt=media", token, ""))
	wantText(t, "content", string(content), "Ana and Ben met on Monday.\n")
	_, header, exported := raw(t, request(t, "GET", c.srv.URL+"/drive/v3/files/"+planDoc+"/export?mimeType=text/markdown", token, ""))
	if status != 200 || header.Get("Content-Type") != "text/markdown" || !strings.HasPrefix(string(exported), "# Relaunch plan") {
		t.Errorf("exported as %s: %s", header.Get("Content-Type"), exported)
	}
	for _, k := range []struct {
		path   string
		status int
		reason string
	}{
		{"/drive/v3/files/1Nothing", 404, "notFound"},
		{"/drive/v3/files/1BenTextsFolder0000000000000000000", 404, "notFound"},
		{"/drive/v3/files/" + planDoc + "?alt=media", 403, "fileNotDownloadable"},
		{"/drive/v3/files/" + notesTxt + "/export?mimeType=text/plain", 403, "fileNotExportable"},
		{"/drive/v3/files/" + planDoc + "/export?mimeType=application/pdf", 400, "badRequest"},
		{"/drive/v3/files/" + planDoc + "?fields=name)", 400, "invalidParameter"},
		{"/drive/v3/about", 400, "required"},
		{"/drive/v3/files/" + planDoc + "/permissions", 404, "notFound"},
	} {
		status, answer := c.api("GET", k.path, token, "")
		if status != k.status || reason(answer) != k.reason {
			t.Errorf("%s: %d %v, want %d %s", k.path, status, answer, k.status, k.reason)
		}
	}
	status, answer := c.api("POST", "/drive/v3/files", token, `{"name":"x"}`)
	if status != 403 || reason(answer) != "insufficientPermissions" {
		t.Errorf("writing with a reading scope: %d %v", status, answer)
	}
}

func TestDriveWrites(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	token := c.token("drive")
	_, made := c.api("POST", "/drive/v3/files?fields=id,parents,ownedByMe", token, `{"name":"Notes","mimeType":"application/vnd.google-apps.folder","parents":["`+projects+`"]}`)
	folder := made["id"].(string)
	body := "--b\r\nContent-Type: application/json\r\n\r\n{\"name\":\"a.txt\",\"parents\":[\"" + folder + "\"]}\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b--\r\n"
	req := request(t, "POST", c.srv.URL+"/upload/drive/v3/files?uploadType=multipart", token, body)
	req.Header.Set("Content-Type", "multipart/related; boundary=b")
	_, uploaded := do(t, req)
	id := uploaded["id"].(string)
	kept, _ := c.sim.File(id)
	if diff := cmp.Diff(simulator.File{ID: id, Name: "a.txt", Parent: folder, Content: "Hello"}, kept); diff != "" || uploaded["mimeType"] != "text/plain" {
		t.Errorf("uploaded %v: %s", uploaded, diff)
	}
	req = request(t, "PATCH", c.srv.URL+"/upload/drive/v3/files/"+id+"?uploadType=media", token, "Changed")
	req.Header.Set("Content-Type", "text/plain")
	do(t, req)
	c.api("PATCH", "/drive/v3/files/"+id+"?addParents="+relaunch+"&removeParents="+folder, token, `{"name":"b.txt"}`)
	_, copied := c.api("POST", "/drive/v3/files/"+id+"/copy?fields=parents,name", token, "")
	if kept, _ = c.sim.File(id); kept.Content != "Changed" || kept.Parent != relaunch || kept.Name != "b.txt" || copied["name"] != "Copy of b.txt" {
		t.Errorf("after changes: %+v, the copy %v", kept, copied)
	}
	c.api("PATCH", "/drive/v3/files/"+folder, token, `{"trashed":true}`)
	if kept, _ = c.sim.File(folder); !kept.Trashed {
		t.Error("the folder is not in the bin")
	}
	for _, k := range []struct {
		name, method, path, body string
		status                   int
		reason                   string
	}{
		{"two parents", "POST", "/drive/v3/files", `{"parents":["a","b"]}`, 400, "invalid"},
		{"a parent that is not there", "POST", "/drive/v3/files", `{"parents":["a"]}`, 404, "notFound"},
		{"a parent that is no folder", "POST", "/drive/v3/files", `{"parents":["` + notesTxt + `"]}`, 403, "insufficientFilePermissions"},
		{"sharing", "PATCH", "/drive/v3/files/" + notesTxt, `{"writersCanShare":true}`, 400, "invalid"},
		{"parents in the body", "PATCH", "/drive/v3/files/" + notesTxt, `{"parents":["root"]}`, 403, "fieldNotWritable"},
		{"a second parent", "PATCH", "/drive/v3/files/" + notesTxt + "?addParents=" + relaunch, `{}`, 403, "cannotAddParent"},
		{"a folder into itself", "PATCH", "/drive/v3/files/" + projects + "?addParents=" + relaunch + "&removeParents=0AAnaMyDriveUk9PVA", `{}`, 403, "cannotMoveFile"},
		{"ben's file", "PATCH", "/drive/v3/files/1BenShopTextDoc0000000000000000000", `{"name":"x"}`, 403, "insufficientFilePermissions"},
		{"an id that is taken", "POST", "/drive/v3/files", `{"id":"` + notesTxt + `"}`, 409, "fileIdInUse"},
		{"a resumable upload", "POST", "/upload/drive/v3/files?uploadType=resumable", `{}`, 400, "invalid"},
		{"deleting for good", "DELETE", "/drive/v3/files/" + notesTxt, "", 404, "notFound"},
	} {
		status, answer := c.api(k.method, k.path, token, k.body)
		if status != k.status || reason(answer) != k.reason {
			t.Errorf("%s: %d %v, want %d %s", k.name, status, answer, k.status, k.reason)
		}
	}
}

func TestDriveFileScope(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	token := c.token("drive.file")
	status, answer := c.api("GET", "/drive/v3/files/"+notesTxt, token, "")
	if status != 403 || reason(answer) != "appNotAuthorizedToFile" {
		t.Errorf("a file that was not opened with the app: %d %v", status, answer)
	}
	c.api("POST", "/drive/v3/files", token, `{"name":"mine.txt"}`)
	c.sim.Open("ana", notesTxt)
	if diff := cmp.Diff([]string{"Meeting notes.txt", "mine.txt"}, c.search(token, url.Values{})); diff != "" {
		t.Errorf("what drive.file reaches: %s", diff)
	}
}

func TestDriveSignedRedirect(t *testing.T) {
	c := newCampus(t, simulator.Quirks{SignedRedirect: true})
	token := c.token("drive.readonly")
	status, header, _ := raw(t, request(t, "GET", c.srv.URL+"/drive/v3/files/"+notesTxt+"?alt=media", token, ""))
	target := header.Get("Location")
	if status != http.StatusFound || !strings.HasPrefix(target, "http://localhost:") {
		t.Fatalf("the download answers %d to %s, want another host", status, target)
	}
	status, _, content := raw(t, request(t, "GET", target, "", ""))
	if status != 200 || string(content) != "Ana and Ben met on Monday.\n" {
		t.Errorf("the signed address, without a token: %d %s", status, content)
	}
	status, _, _ = raw(t, request(t, "GET", strings.Replace(target, "/download/", "/download/0", 1), "", ""))
	wantText(t, "another signature", status, http.StatusForbidden)
}
