package consent_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

// notes is an app as a person knows it.
func notes() consent.Face {
	return consent.Face{
		Name: "Field Notes", Publisher: "Notes Ltd", Website: "https://notes.example/about", Logo: "1f",
		Hosts: []string{"", "notes.example"}, Returns: "2e", Keys: "3d",
	}
}

func TestWhatChangedAboutAnApp(t *testing.T) {
	type list = []consent.Change
	for name, c := range map[string]struct {
		change func(f *consent.Face)
		want   list
	}{
		"nothing":                      {func(*consent.Face) {}, nil},
		"another name":                 {func(f *consent.Face) { f.Name = "Field Mail" }, list{{What: consent.ChangedName, Was: "Field Notes", Is: "Field Mail"}}},
		"another publisher":            {func(f *consent.Face) { f.Publisher = "Mail Inc" }, list{{What: consent.ChangedPublisher, Was: "Notes Ltd", Is: "Mail Inc"}}},
		"no publisher any more":        {func(f *consent.Face) { f.Publisher = "" }, list{{What: consent.ChangedPublisher, Was: "Notes Ltd"}}},
		"another page of its website":  {func(f *consent.Face) { f.Website = "https://notes.example/" }, nil},
		"another website":              {func(f *consent.Face) { f.Website = "https://mail.example/about" }, list{{What: consent.ChangedWebsite, Was: "notes.example", Is: "mail.example"}}},
		"a website that is no address": {func(f *consent.Face) { f.Website = "mail\x00" }, list{{What: consent.ChangedWebsite, Was: "notes.example", Is: "mail\x00"}}},
		"another address, same host":   {func(f *consent.Face) { f.Returns = "2f" }, list{{What: consent.ChangedReturns}}},
		"two more hosts": {func(f *consent.Face) {
			f.Returns, f.Hosts = "2f", []string{"", "evil.example", "mail.example", "notes.example"}
		},
			list{{What: consent.ChangedHost, Is: "evil.example"}, {What: consent.ChangedHost, Is: "mail.example"}}},
		"a host less": {func(f *consent.Face) { f.Returns, f.Hosts = "2f", []string{"notes.example"} }, list{{What: consent.ChangedReturns}}},
		"other keys":  {func(f *consent.Face) { f.Keys = "3e" }, list{{What: consent.ChangedKeys}}},
		"a new logo":  {func(f *consent.Face) { f.Logo = "10" }, list{{What: consent.ChangedLogo}}},
		"everything": {func(f *consent.Face) {
			*f = consent.Face{Name: "X", Website: "https://x.example", Hosts: []string{"x.example"}, Returns: "1"}
		}, list{
			{What: consent.ChangedName, Was: "Field Notes", Is: "X"}, {What: consent.ChangedPublisher, Was: "Notes Ltd"},
			{What: consent.ChangedWebsite, Was: "notes.example", Is: "x.example"}, {What: consent.ChangedHost, Is: "x.example"},
			{What: consent.ChangedKeys}, {What: consent.ChangedLogo},
		}},
	} {
		is := notes()
		c.change(&is)
		if diff := cmp.Diff(c.want, consent.Changes(notes(), is)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	if got := consent.Changes(consent.Face{}, notes()); got != nil {
		t.Errorf("an app that nobody wrote down changed: %v", got)
	}
	first := notes()
	first.Logo = ""
	if got := consent.Changes(first, notes()); got != nil {
		t.Errorf("its first logo is a change: %v", got)
	}
}

// A change is told exactly when there is one, whatever else changed.
func TestNoChangeIsLost(t *testing.T) {
	value := func(values ...string) *rapid.Generator[string] { return rapid.SampledFrom(values) }
	face := rapid.Custom(func(t *rapid.T) consent.Face {
		hosts := rapid.SliceOfNDistinct(value("", "a.example", "b.example"), 1, 3, rapid.ID).Draw(t, "hosts")
		slices.Sort(hosts)
		return consent.Face{
			Name: value("A", "B").Draw(t, "name"), Publisher: value("", "A", "B").Draw(t, "publisher"),
			Website: value("", "https://a.example", "https://b.example").Draw(t, "website"),
			Hosts:   hosts, Returns: value("1", "2").Draw(t, "returns"), Keys: value("1", "2").Draw(t, "keys"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		was, is := face.Draw(t, "was"), face.Draw(t, "is")
		got := consent.Changes(was, is)
		more := slices.ContainsFunc(is.Hosts, func(h string) bool { return !slices.Contains(was.Hosts, h) })
		for what, changed := range map[consent.ChangeKind]bool{
			consent.ChangedName: was.Name != is.Name, consent.ChangedPublisher: was.Publisher != is.Publisher, consent.ChangedWebsite: was.Website != is.Website,
			consent.ChangedHost: more, consent.ChangedReturns: was.Returns != is.Returns && !more, consent.ChangedKeys: was.Keys != is.Keys,
		} {
			if told := slices.ContainsFunc(got, func(c consent.Change) bool { return c.What == what }); told != changed {
				t.Fatalf("%s changed: %v, told: %v: %v", what, changed, told, got)
			}
		}
	})
}

// An app that people know as another passes no page, whatever else is true; and its
// change gives it nothing and takes nothing away.
func TestAChangedAppIsAskedAboutAndGetsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for i := range w.grants {
			w.grants[i].Face = notes()
		}
		w.req.Face = notes()
		before := w.decide()
		switch rapid.IntRange(0, 3).Draw(t, "change") {
		case 0:
			w.req.Face.Name = "Field Mail"
		case 1:
			w.req.Face.Publisher = "Mail Inc"
		case 2:
			w.req.Face.Website = "https://mail.example"
		case 3:
			w.req.Digest = "other"
		}
		after := w.decide()
		if has := after.Grant != ""; after.Done() && has || len(after.Changes) > 0 && !has {
			t.Fatalf("has a grant: %v, done: %v, changes: %v", has, after.Done(), after.Changes)
		}
		after.Changes, before.Steps, after.Steps = nil, nil, nil
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("the change gives or takes: -before +after\n%s", diff)
		}
	})
}

// storiesOfChanges are about apps that are not as they were at the last yes.
func storiesOfChanges() []story {
	connections := []consent.Connection{octocat("contents", "contents:write")}
	standing := agreed(yes(readRepos, "octocat", only(repo("site"))))
	standing.Face, standing.AppDigest = notes(), "agreed"
	as := func(change func(r *consent.Request), scopes ...consent.ScopeName) consent.Request {
		req := asks(scopes...)
		req.Face, req.Digest = notes(), "agreed"
		change(&req)
		return req
	}
	renamed := func(r *consent.Request) { r.Face.Name = "Field Mail" }
	moved := func(r *consent.Request) {
		r.Face.Hosts, r.Face.Returns, r.Digest = []string{"evil.example"}, "2f", "moved"
	}
	unwritten := standing
	unwritten.Face = consent.Face{}
	byOperator := standing
	byOperator.AppDigest = ""
	grants := []consent.Grant{standing}
	return []story{
		{name: "the app is as it was", req: as(func(*consent.Request) {}, readRepos), connections: connections, grants: grants},
		{name: "the app goes by another name", req: as(renamed, readRepos), connections: connections, grants: grants},
		{name: "the app goes by another name and asks for more", req: as(renamed, readRepos, writeRepos), connections: connections, grants: grants},
		{name: "the app goes by another name, and the person has not allowed it anything", req: as(renamed, readRepos), connections: connections},
		{name: "the app says that others built it", req: as(func(r *consent.Request) { r.Face.Publisher = "Mail Inc" }, readRepos), connections: connections, grants: grants},
		{name: "the app is answered elsewhere", req: as(moved, readRepos), connections: connections, grants: grants},
		{name: "the app is answered elsewhere, and an operator answers for it", req: as(func(r *consent.Request) { moved(r); r.Digest = "" }, readRepos),
			connections: connections, grants: []consent.Grant{byOperator}},
		{name: "the app has other keys, and nobody wrote down how it was", req: as(func(r *consent.Request) { r.Digest = "other" }, readRepos),
			connections: connections, grants: []consent.Grant{unwritten}},
		{name: "the app has another logo", req: as(func(r *consent.Request) { r.Face.Logo = "10" }, readRepos), connections: connections, grants: grants},
	}
}
