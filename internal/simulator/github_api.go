package simulator

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	docsURL   = "https://docs.github.com/rest"
	hourlyCap = 5000
	// capFloor is where the remaining calls stop counting down: load tests make
	// more calls an hour than GitHub would bear.
	capFloor = 1000
	// badTokens in a row lock everybody out for loginLock, with the quirk.
	badTokens = 5
	loginLock = 15 * time.Minute
)

// caller is who an API call acts for.
type caller struct {
	user   *account // nil: nobody signed in
	scopes []string
	app    bool // a GitHub App's token
}

func (c caller) login() string {
	if c.user == nil {
		return ""
	}
	return c.user.login
}

// may reports whether the token carries a scope. A GitHub App's token is not
// limited by scopes but by its installation, which here covers everything.
func (c caller) may(scope string) bool { return c.user != nil && (c.app || holds(c.scopes, scope)) }

// reaches reports whether the caller may look at a repository.
func (c caller) reaches(r *repository) bool {
	return !r.private || r.canSee(c.login()) && c.may("repo")
}

// apiCall is one call with everything the handlers look at.
type apiCall struct {
	*http.Request
	caller caller
	site   site
	query  url.Values
	sent   []byte      // the body, read before the lock was taken
	repo   *repository // set for repository routes
}

type apiHandler func(c apiCall) apiReply

// site is where this simulator is reached, for the addresses in its answers.
type site struct{ web, api string }

func siteOf(r *http.Request) site {
	origin := originOf(r)
	return site{web: origin, api: origin + "/api/v3"}
}

// complaint is an error in GitHub's shape.
func complaint(status int, message string) apiReply {
	return apiReply{status: status, body: object{"message": message, "documentation_url": docsURL, "status": strconv.Itoa(status)}}
}

func notFound() apiReply { return complaint(http.StatusNotFound, "Not Found") }

// invalid is a 422 that names one field.
func invalid(resource, field, code string) apiReply {
	reply := complaint(http.StatusUnprocessableEntity, "Validation Failed")
	reply.body.(object)["errors"] = []object{{"resource": resource, "field": field, "code": code}}
	return reply
}

// handle registers one API route: accepted is the scope the documentation
// names for it.
func (g *GitHub) handle(pattern, accepted string, h apiHandler) {
	method, path, _ := strings.Cut(pattern, " ")
	g.mux.HandleFunc(method+" /api/v3"+path, func(w http.ResponseWriter, r *http.Request) {
		g.answer(w, r, func(sent []byte, err error) apiReply {
			if err != nil {
				return complaint(http.StatusBadRequest, "Problems reading the body")
			}
			who, refusal := g.authenticate(r)
			if refusal == nil {
				refusal = g.throttle()
			}
			var reply apiReply
			if refusal != nil {
				reply = *refusal
			} else {
				reply = h(apiCall{Request: r, caller: who, site: siteOf(r), query: r.URL.Query(), sent: sent})
			}
			g.describe(w.Header(), who, accepted)
			return tagged(r, reply)
		})
	})
}

// authenticate finds the caller by token. No token is nobody, a bad one is 401
// whatever was asked for.
func (g *GitHub) authenticate(r *http.Request) (caller, *apiReply) {
	kind, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if kind == "" || strings.EqualFold(kind, "Basic") {
		return caller{}, nil
	}
	now := g.cfg.Now()
	if g.quirks.LoginLock && len(g.failed) >= badTokens && now.Sub(g.failed[len(g.failed)-1]) < loginLock {
		locked := complaint(http.StatusForbidden, "Maximum number of login attempts exceeded. Please try again later.")
		return caller{}, &locked
	}
	found, known := g.grants.byAccess[strings.TrimSpace(value)]
	if (!strings.EqualFold(kind, "Bearer") && !strings.EqualFold(kind, "token")) || !known || !found.live(now) {
		g.failed = keepNewest(append(g.failed, now), badTokens)
		bad := complaint(http.StatusUnauthorized, "Bad credentials")
		return caller{}, &bad
	}
	g.used[found.owner]++
	return caller{user: g.world.person(found.owner), scopes: found.scopes, app: found.app}, nil
}

// throttle refuses calls when a quirk says so.
func (g *GitHub) throttle() *apiReply {
	var refusal apiReply
	switch {
	case g.quirks.SecondaryLimit:
		refusal = complaint(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	case g.quirks.RateLimited:
		refusal = complaint(http.StatusForbidden, "API rate limit exceeded for user.")
		refusal.header = map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Used": strconv.Itoa(hourlyCap)}
	default:
		return nil
	}
	return &refusal
}

// describe sets the headers every answer has.
func (g *GitHub) describe(h http.Header, who caller, accepted string) {
	most := cmp.Or(g.cfg.PerHour, hourlyCap)
	used := min(g.used[who.login()], most-capFloor)
	h.Set("X-RateLimit-Limit", strconv.Itoa(most))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(most-used))
	h.Set("X-RateLimit-Used", strconv.Itoa(used))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(g.cfg.Now().Truncate(time.Hour).Add(time.Hour).Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
	h.Set("X-GitHub-Media-Type", "github.v3; format=json")
	h.Set("X-GitHub-Request-Id", randomHex(8))
	if who.user != nil && !who.app {
		h.Set("X-OAuth-Scopes", strings.Join(who.scopes, ", "))
		h.Set("X-Accepted-OAuth-Scopes", accepted)
		h.Set("X-OAuth-Client-Id", g.cfg.ClientID)
	}
}

// tagged gives a read its ETag, as GitHub does. File content is a kind of its
// own.
func tagged(r *http.Request, reply apiReply) apiReply {
	if reply.raw != nil {
		reply = reply.with("Content-Type", "application/vnd.github.raw; charset=utf-8")
	}
	if r.Method != http.MethodGet || reply.status != http.StatusOK {
		return reply
	}
	content := reply.raw
	if content == nil {
		encoded, err := encodeJSON(reply.body)
		if err != nil {
			return complaint(http.StatusInternalServerError, "Server Error")
		}
		content, reply.body = encoded, json.RawMessage(encoded)
	}
	sum := sha256.Sum256(content)
	return reply.with("ETag", `W/"`+hex.EncodeToString(sum[:])+`"`).with("Cache-Control", "private, max-age=60, s-maxage=60")
}

// paged cuts one page out of a list and links to the others. path is the
// address the links use, which for repositories is the one with the id.
func paged[T any](c apiCall, path string, all []T, show func(T) object) apiReply {
	size, page := positive(c.query.Get("per_page"), 30), positive(c.query.Get("page"), 1)
	size = min(size, 100)
	last := max(1, (len(all)+size-1)/size)
	from := len(all)
	if page <= last {
		from = (page - 1) * size
	}
	shown := []object{}
	for _, item := range all[from:min(from+size, len(all))] {
		shown = append(shown, show(item))
	}
	link := func(rel string, number int) string {
		query := url.Values{}
		for name := range c.query {
			query.Set(name, c.query.Get(name))
		}
		query.Set("page", strconv.Itoa(number))
		return fmt.Sprintf(`<%s%s?%s>; rel="%s"`, c.site.api, path, query.Encode(), rel)
	}
	var links []string
	if page > 1 {
		links = append(links, link("prev", min(page-1, last)))
	}
	if page < last {
		links = append(links, link("next", page+1), link("last", last))
	}
	if page > 1 {
		links = append(links, link("first", 1))
	}
	reply := ok(shown)
	if len(links) > 0 {
		reply.header = map[string]string{"Link": strings.Join(links, ", ")}
	}
	return reply
}
