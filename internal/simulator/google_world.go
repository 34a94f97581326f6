package simulator

import (
	"slices"
	"strings"
	"time"
)

const (
	googleDomain = "northwind.example"
	googleFolder = "application/vnd.google-apps.folder"
	googleDoc    = "application/vnd.google-apps.document"
	googleSheet  = "application/vnd.google-apps.spreadsheet"
	googleLink   = "application/vnd.google-apps.shortcut"

	maxFiles = 2000
	maxMails = 500
	maxDates = 1000
)

// googleAccount is a person at Google.
type googleAccount struct {
	sub, name, email, fullName string
	root                       string // id of My Drive
	mailbox                    *mailbox
}

// driveFile is a file or folder.
type driveFile struct {
	id, name, mime, description string
	parent                      string         // "" for My Drive itself and a shared drive's top
	owner                       *googleAccount // nil in a shared drive
	drive                       string         // id of the shared drive, or ""
	target                      string         // of a shortcut
	content                     []byte
	readers                     []string // names of people it is shared with
	trashed, starred            bool
	created, modified           time.Time
	version                     int
}

func (f *driveFile) folder() bool { return f.mime == googleFolder }

// native reports whether it has no content of its own but can be exported.
func (f *driveFile) native() bool { return f.mime == googleDoc || f.mime == googleSheet }

// sharedDrive is a drive that belongs to everybody in the company.
type sharedDrive struct {
	id, name string
	created  time.Time
}

// googleWorld is everything that exists at the simulated Google.
type googleWorld struct {
	accounts  []*googleAccount
	files     []*driveFile
	drives    []*sharedDrive
	calendars []*calendar
	opened    map[string]bool // sub/file id the app may reach with drive.file
	serial    int             // of ids made here
}

// account finds a person by name, address or sub.
func (w *googleWorld) account(subject string) *googleAccount {
	for _, a := range w.accounts {
		if subject != "" && (a.name == subject || strings.EqualFold(a.email, subject) || a.sub == subject) {
			return a
		}
	}
	return nil
}

// nameOf is what somebody who is hinted at signs in as.
func (w *googleWorld) nameOf(hint string) string {
	if a := w.account(hint); a != nil {
		return a.name
	}
	return ""
}

func (w *googleWorld) file(id string) *driveFile {
	for _, f := range w.files {
		if f.id == id {
			return f
		}
	}
	return nil
}

func (w *googleWorld) sharedDrive(id string) *sharedDrive {
	for _, d := range w.drives {
		if d.id == id {
			return d
		}
	}
	return nil
}

// canRead reports whether a person may see a file: it is theirs, it or a folder
// above it is shared with them, or it is in a shared drive.
func (w *googleWorld) canRead(a *googleAccount, f *driveFile) bool {
	for range 100 {
		if f == nil {
			return false
		}
		if f.drive != "" || f.owner == a || slices.Contains(f.readers, a.name) {
			return true
		}
		f = w.file(f.parent)
	}
	return false
}

// canWrite reports whether a person may change a file. What is shared is shared
// for reading.
func (w *googleWorld) canWrite(a *googleAccount, f *driveFile) bool {
	return f.drive != "" || f.owner == a
}

// inTrash reports whether a file or a folder above it is in the bin.
func (w *googleWorld) inTrash(f *driveFile) bool {
	for range 100 {
		if f == nil {
			return false
		}
		if f.trashed {
			return true
		}
		f = w.file(f.parent)
	}
	return false
}

// below reports whether a file is inside of another, or is that.
func (w *googleWorld) below(f *driveFile, top string) bool {
	for range 100 {
		if f == nil {
			return false
		}
		if f.id == top {
			return true
		}
		f = w.file(f.parent)
	}
	return false
}

// open gives the app a file of this person.
func (w *googleWorld) open(a *googleAccount, fileID string) { w.opened[a.sub+"/"+fileID] = true }

// newGoogleWorld makes the same Google every time, dated from now.
func newGoogleWorld(now time.Time) *googleWorld {
	today := now.UTC().Truncate(24 * time.Hour)
	w := &googleWorld{opened: map[string]bool{}}
	for _, a := range []*googleAccount{
		{sub: "104000000000000000001", name: "ana", fullName: "Ana Ferreira", root: "0AAnaMyDriveUk9PVA"},
		{sub: "104000000000000000002", name: "ben", fullName: "Ben Okafor", root: "0ABenMyDriveUk9PVA"},
	} {
		a.email = a.name + "@" + googleDomain
		a.mailbox = newMailbox()
		w.accounts = append(w.accounts, a)
		w.files = append(w.files, &driveFile{id: a.root, name: "My Drive", mime: googleFolder, owner: a, created: today.AddDate(-3, 0, 0), modified: today.AddDate(-3, 0, 0), version: 1})
	}
	w.drives = []*sharedDrive{{id: "0AOfficeDriveUk9PVA", name: "Office", created: today.AddDate(-2, 0, 0)}}
	w.files = append(w.files, &driveFile{id: "0AOfficeDriveUk9PVA", name: "Office", mime: googleFolder, drive: "0AOfficeDriveUk9PVA", created: today.AddDate(-2, 0, 0), modified: today.AddDate(-2, 0, 0), version: 1})
	w.seedDrive(today)
	w.seedMail(today)
	w.seedCalendars(today)
	return w
}
