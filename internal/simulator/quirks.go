package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Quirks are the manners of providers that break naive clients. The zero value
// is a provider on a good day. SetQuirks changes them while it runs; the table
// below says in words what each does, and at whom.
type Quirks struct {
	// Consent.
	FewerScopes       bool
	SwitchAccount     string
	SecondConnectEnds bool

	// The token endpoint.
	Expiring       bool
	Rotate         bool
	LongLived      bool
	NoGrace        bool
	FamilyRevoke   bool
	OldAccessDies  bool
	TokenLimit     int
	Testing        bool
	NoRefreshToken bool
	FormReply      bool
	NoExpiry       bool
	StringExpiry   bool
	FloatExpiry    bool
	OddErrors      bool
	SessionControl bool
	SlowToken      time.Duration
	LoseTokenReply bool

	// The API.
	RateLimited    bool
	SecondaryLimit bool
	LockTimeout    bool
	Overloaded     bool
	LoginLock      bool
	OrgBlocked     string
	SSORequired    string
	SSOPartial     bool
	Renamed        bool
	ReadOnly       bool
	NoExpand       bool
	SwitchedOff    bool
	ShortSearch    bool
	SignedRedirect bool
	SlowAPI        time.Duration
	LoseReply      bool

	// What is sent to the app.
	EventForged bool
	EventTwice  bool
}

// Quirk is one field of Quirks as people name it.
type Quirk struct {
	// Name is how it is spelled, Name=value when it has one.
	Name string
	// Help is one line that says what it does.
	Help string
	// Of are the providers that know it.
	of []string
	at func(*Quirks) any
}

// quirkTable is every quirk there is. A name can mean different fields at
// different providers: rotation is another thing everywhere.
func quirkTable() []Quirk {
	all := []string{"github", "slack", "google", "notion", "stripe"}
	return []Quirk{
		{"fewer-scopes", "the person agrees to all but the last scope", []string{"github", "slack", "google"}, func(q *Quirks) any { return &q.FewerScopes }},
		{"switch-account", "this account (name or id) agrees, whoever signed in", all, func(q *Quirks) any { return &q.SwitchAccount }},
		{"second-connect-ends", "connecting again ends the refresh token of the first time", []string{"notion"}, func(q *Quirks) any { return &q.SecondConnectEnds }},

		{"rotate", "speaks as a GitHub App: tokens of 8 hours, refresh tokens used once, no scope, and a refresh ends the old access token", []string{"github"}, func(q *Quirks) any { return &q.Expiring }},
		{"rotate", "tokens of 12 hours, refresh tokens used once with 30 seconds of grace, two live access tokens at most", []string{"slack"}, func(q *Quirks) any { return &q.Rotate }},
		{"long-lived", "tokens without an end, and refresh_token is null", []string{"notion"}, func(q *Quirks) any { return &q.LongLived }},
		{"no-grace", "a used refresh token does not work a second time (with rotate)", []string{"slack"}, func(q *Quirks) any { return &q.NoGrace }},
		{"family-revoke", "a used refresh token that comes back ends everything of its person", []string{"github", "slack", "notion", "stripe"}, func(q *Quirks) any { return &q.FamilyRevoke }},
		{"old-access-dies", "a refresh ends the access token before it at once", []string{"slack", "notion", "stripe"}, func(q *Quirks) any { return &q.OldAccessDies }},
		{"token-limit", "how many tokens a person may have before the oldest dies without a word (10 for each set of scopes at GitHub, 100 refresh tokens at Google)", []string{"github", "google"}, func(q *Quirks) any { return &q.TokenLimit }},
		{"testing", "the app is unverified: refresh tokens die after 7 days", []string{"google"}, func(q *Quirks) any { return &q.Testing }},
		{"no-new-refresh-token", "a refresh answers without a new refresh token", []string{"github", "slack", "notion", "stripe"}, func(q *Quirks) any { return &q.NoRefreshToken }},
		{"form-reply", "the token endpoint answers a form, also when asked for JSON", []string{"github"}, func(q *Quirks) any { return &q.FormReply }},
		{"no-expires-in", "the token endpoint does not say how long a token lives", []string{"github", "slack", "google"}, func(q *Quirks) any { return &q.NoExpiry }},
		{"string-expires-in", "expires_in is a string", []string{"github", "slack", "google"}, func(q *Quirks) any { return &q.StringExpiry }},
		{"float-expires-in", "expires_in is a fraction", []string{"github", "slack", "google"}, func(q *Quirks) any { return &q.FloatExpiry }},
		{"odd-errors", "the token endpoint spells its errors `error`, not `code`", []string{"notion"}, func(q *Quirks) any { return &q.OddErrors }},
		{"session-control", "refreshes fail with invalid_rapt: the person must sign in again", []string{"google"}, func(q *Quirks) any { return &q.SessionControl }},
		{"slow-token", "the token endpoint answers late, after its effect", all, func(q *Quirks) any { return &q.SlowToken }},
		{"lose-token-reply", "the token endpoint drops the connection instead of answering, after its effect", all, func(q *Quirks) any { return &q.LoseTokenReply }},

		{"rate-limited", "every API call is refused until later", all, func(q *Quirks) any { return &q.RateLimited }},
		{"secondary-limit", "every API call is refused, with no hint when to come back", []string{"github"}, func(q *Quirks) any { return &q.SecondaryLimit }},
		{"lock-timeout", "every change is refused with 429 lock_timeout", []string{"stripe"}, func(q *Quirks) any { return &q.LockTimeout }},
		{"overloaded", "every API call is refused with 529 service_overload", []string{"notion"}, func(q *Quirks) any { return &q.Overloaded }},
		{"login-lock", "after five bad tokens every call is refused with 403 for a quarter of an hour, good tokens too", []string{"github"}, func(q *Quirks) any { return &q.LoginLock }},
		{"org-blocked", "this organisation does not let the app in: 403, and missing from lists", []string{"github"}, func(q *Quirks) any { return &q.OrgBlocked }},
		{"sso-required", "this organisation wants a sign-in of its own first: 403 with an address", []string{"github"}, func(q *Quirks) any { return &q.SSORequired }},
		{"sso-partial", "lists leave organisations out and say so only in a header", []string{"github"}, func(q *Quirks) any { return &q.SSOPartial }},
		{"renamed", "acme/web is acme/storefront now, and another repository took the name acme/web", []string{"github"}, func(q *Quirks) any { return &q.Renamed }},
		{"read-only", "the app may only read: changes are refused with 403", []string{"notion", "stripe"}, func(q *Quirks) any { return &q.ReadOnly }},
		{"no-expand", "expand[] is refused with 403", []string{"stripe"}, func(q *Quirks) any { return &q.NoExpand }},
		{"switched-off", "the app's project has not enabled the API: 403 accessNotConfigured", []string{"google"}, func(q *Quirks) any { return &q.SwitchedOff }},
		{"short-search", "searches end early and say request_status incomplete", []string{"notion"}, func(q *Quirks) any { return &q.ShortSearch }},
		{"signed-redirect", "downloads answer 302 to a signed address on another host", []string{"google"}, func(q *Quirks) any { return &q.SignedRedirect }},
		{"slow-api", "every API call is answered late, after its effect", all, func(q *Quirks) any { return &q.SlowAPI }},
		{"lose-reply", "changes happen, and the connection is dropped instead of answering", all, func(q *Quirks) any { return &q.LoseReply }},

		{"event-forged", "events are signed with another secret than the app's", []string{"github", "slack", "stripe"}, func(q *Quirks) any { return &q.EventForged }},
		{"event-twice", "every event is sent twice, as after an answer that got lost", []string{"github", "slack", "stripe"}, func(q *Quirks) any { return &q.EventTwice }},
	}
}

// KnownQuirks are the quirks of one provider.
func KnownQuirks(provider string) []Quirk {
	return slices.DeleteFunc(quirkTable(), func(q Quirk) bool { return !slices.Contains(q.of, provider) })
}

// ParseQuirks reads quirks as people write them, NAME or NAME=VALUE. A name the
// provider does not know, a value where none belongs and one that is missing are
// errors.
func ParseQuirks(provider string, written []string) (Quirks, error) {
	var quirks Quirks
	for _, text := range written {
		name, value, has := strings.Cut(text, "=")
		known := KnownQuirks(provider)
		at := slices.IndexFunc(known, func(q Quirk) bool { return q.Name == name })
		if at < 0 {
			return quirks, fmt.Errorf("%s has no quirk %q", provider, name)
		}
		err := setQuirk(known[at].at(&quirks), value, has)
		if err != nil {
			return quirks, fmt.Errorf("quirk %s: %w", name, err)
		}
	}
	return quirks, nil
}

func setQuirk(field any, value string, has bool) (err error) {
	if _, plain := field.(*bool); plain == has {
		if has {
			return fmt.Errorf("it takes no value")
		}
		return fmt.Errorf("write it with a value, like NAME=VALUE")
	}
	switch f := field.(type) {
	case *bool:
		*f = true
	case *string:
		*f = value
	case *int:
		*f, err = strconv.Atoi(value)
		if err == nil && *f < 1 {
			err = fmt.Errorf("%d is too small", *f)
		}
	case *time.Duration:
		*f, err = time.ParseDuration(value)
	}
	return err
}

// Written is how the quirk is spelled when it is set like this, or "" when it is
// off.
func (q Quirk) Written(set Quirks) string {
	switch f := q.at(&set).(type) {
	case *string:
		if *f != "" {
			return q.Name + "=" + *f
		}
	case *int:
		if *f != 0 {
			return q.Name + "=" + strconv.Itoa(*f)
		}
	case *time.Duration:
		if *f != 0 {
			return q.Name + "=" + f.String()
		}
	case *bool:
		if *f {
			return q.Name
		}
	}
	return ""
}

// Usage is how the quirk is written on a command line.
func (q Quirk) Usage() string {
	switch q.at(&Quirks{}).(type) {
	case *string:
		return q.Name + "=NAME"
	case *int:
		return q.Name + "=NUMBER"
	case *time.Duration:
		return q.Name + "=3s"
	}
	return q.Name
}
