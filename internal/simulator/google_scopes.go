package simulator

import (
	"slices"
	"strings"
)

// googleAPI is what most of Google's scopes begin with.
const googleAPI = "https://www.googleapis.com/auth/"

// googleScopes are the scopes an app can ask for here, in words. The first
// three are not data: they have no box to tick.
func googleScopes() []scopeWords {
	list := []scopeWords{
		{Scope: "openid", Words: "Know who you are on Google"},
		{Scope: googleAPI + "userinfo.email", Words: "See your address"},
		{Scope: googleAPI + "userinfo.profile", Words: "See your name and picture"},
		{Scope: googleAPI + "drive", Words: "See, edit, create and delete all of your Google Drive files"},
		{Scope: googleAPI + "drive.readonly", Words: "See and download all your Google Drive files"},
		{Scope: googleAPI + "drive.file", Words: "See, edit, create and delete only the files you use with this app"},
		{Scope: googleAPI + "drive.metadata.readonly", Words: "See information about your Google Drive files"},
		{Scope: googleAPI + "gmail.metadata", Words: "See your messages' labels and headers, not the text"},
		{Scope: googleAPI + "gmail.readonly", Words: "View your messages and settings"},
		{Scope: googleAPI + "gmail.modify", Words: "Read, compose and send messages"},
		{Scope: googleAPI + "gmail.compose", Words: "Manage drafts and send messages"},
		{Scope: googleAPI + "gmail.send", Words: "Send messages for you"},
		{Scope: googleAPI + "calendar", Words: "See, edit, share and delete all your calendars"},
		{Scope: googleAPI + "calendar.readonly", Words: "See and download any calendar you can see"},
		{Scope: googleAPI + "calendar.calendarlist.readonly", Words: "See the list of your calendars"},
		{Scope: googleAPI + "calendar.events", Words: "View and edit events on all your calendars"},
		{Scope: googleAPI + "calendar.events.readonly", Words: "View events on all your calendars"},
		{Scope: googleAPI + "calendar.events.owned", Words: "See, create, change and delete events on calendars you own"},
		{Scope: googleAPI + "calendar.events.owned.readonly", Words: "See events on calendars you own"},
		{Scope: googleAPI + "calendar.freebusy", Words: "See when you are busy on your calendars"},
	}
	for i := range list {
		list[i].Tick = i >= 3
	}
	return list
}

// googleScopeList reads scopes the way Google does: separated by spaces, with
// email and profile as short names. unknown is one that does not exist, or "".
func googleScopeList(text string) (scopes []string, unknown string) {
	for _, scope := range strings.Fields(text) {
		switch scope {
		case "email", "profile":
			scope = googleAPI + "userinfo." + scope
		}
		if !slices.ContainsFunc(googleScopes(), func(known scopeWords) bool { return known.Scope == scope }) {
			return nil, scope
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes, ""
}

// holdsGoogle reports whether scopes contain one of these, which are named
// without what they begin with.
func holdsGoogle(scopes []string, anyOf ...string) bool {
	return slices.ContainsFunc(anyOf, func(short string) bool {
		return slices.Contains(scopes, googleAPI+short)
	})
}
