package resourceserver

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/resourceserver/bearer"
)

// Wish is what an app would ask a person for.
type Wish struct {
	Scope   string // as in a request (RFC 6749 section 3.3)
	Details string // authorization_details in JSON (RFC 9396 section 2); "" for none
}

// Outlook is the consent page's own decision, for an app that wants to know before
// it bothers anybody. Package flow has it.
type Outlook interface {
	// Plan compares a wish with what the bearer's person has connected and agreed to.
	// The error is a *BadWish when the wish itself is wrong.
	Plan(ctx context.Context, b consent.Bearer, w Wish) (consent.Plan, error)
	// Next is the address of the page where that person can allow it.
	Next(b consent.Bearer, w Wish) (string, error)
}

// BadWish says in a registered error code what is wrong with a wish.
type BadWish struct {
	Code        string
	Description string // one sentence for developers
}

// Error implements error.
func (b *BadWish) Error() string { return b.Code + ": " + b.Description }

// capabilities is what GET /api/capabilities tells.
type capabilities struct {
	Grant consent.GrantID `json:"grant_id,omitempty"`
	// Present is true while the person is signed in; without it only background work
	// is done.
	Present  bool         `json:"present"`
	Complete bool         `json:"complete"` // the person need not be asked for any of it
	Scopes   []capability `json:"scopes"`
	plan
}

// capability is where one scope stands. Which account it is at, and what the
// provider calls its permission, is the person's business.
type capability struct {
	Scope      consent.ScopeName  `json:"scope"`
	Words      string             `json:"words"` // as the person reads it
	Access     consent.Access     `json:"access,omitempty"`
	Provider   consent.ProviderID `json:"provider,omitempty"`
	Status     consent.Status     `json:"status"`
	Reason     consent.Reason     `json:"reason"`
	InToken    bool               `json:"in_token"` // this very token has it
	Everything bool               `json:"everything,omitempty"`
	Resources  []resource         `json:"resources,omitempty"`
	More       int                `json:"more_resources,omitempty"` // how many are left out of the list
	Until      *time.Time         `json:"until,omitempty"`          // when it ends, while it stands
	Daily      int                `json:"daily_limit,omitempty"`    // calls in a day, for what the app may do on its own
	Interval   int                `json:"interval,omitempty"`       // seconds from one visit to the next
}

type resource struct {
	Type       consent.ResourceType `json:"type"`
	Identifier string               `json:"identifier"`
}

// plan is what is left for the person to do, and where. It stands in every refusal
// that a person can do something about, too.
type plan struct {
	Steps []step `json:"steps,omitempty"`
	Next  string `json:"next,omitempty"`
}

type step struct {
	Kind     consent.Kind         `json:"kind"`
	Provider consent.ProviderID   `json:"provider,omitempty"`
	Resource consent.ResourceType `json:"resource_type,omitempty"`
	Scopes   []consent.ScopeName  `json:"scopes"`
	Reason   consent.Reason       `json:"reason,omitempty"`
	Optional bool                 `json:"optional,omitempty"`
}

// maxResources is up to how many resources of a scope are listed.
const maxResources = 100

// capabilities is GET /api/capabilities: what the token may do now, or with scope
// and authorization_details what stands between the app and those.
func (s *server) capabilities(c *gin.Context) {
	crossOrigin(c.Writer.Header())
	c.Header("Cache-Control", "no-store")
	answer, p := s.outline(c)
	if p != nil {
		p.write(c)
		return
	}
	c.JSON(http.StatusOK, answer)
}

func (s *server) outline(c *gin.Context) (capabilities, *problem) {
	who, p := s.admit(c.Request, target{door: s.front})
	if p != nil {
		return capabilities{}, p
	}
	web.Note(c, slog.String("app", who.ClientID), slog.String("operation", "capabilities"))
	b := of(who)
	if b.Grant == "" {
		return capabilities{}, &problem{status: http.StatusForbidden, code: "no_person", message: "This token is the app's own. It stands for no person who could allow anything."}
	}
	w, p := wish(c.Request, who)
	if p != nil {
		return capabilities{}, p
	}
	out := capabilities{Present: who.Present, Grant: b.Grant, Complete: true, Scopes: []capability{}}
	if w.Scope == "" && w.Details == "" {
		return out, nil // nothing of it is left
	}
	made, err := s.outlook.Plan(c.Request.Context(), b, w)
	if err != nil {
		return out, badWish(err)
	}
	for _, r := range made.Rows {
		out.Scopes = append(out.Scopes, tell(r, b))
	}
	if out.plan, err = s.left(made, b, w); err != nil {
		return out, internal(err)
	}
	out.Complete = made.Done() && len(made.Token) > 0
	return out, nil
}

// wish reads the query; without one it is about what the token has.
func wish(r *http.Request, who bearer.Authority) (Wish, *problem) {
	q := r.URL.Query()
	for name, values := range q {
		if len(values) > 1 {
			return Wish{}, invalid("The parameter " + name + " stands twice.")
		}
	}
	w := Wish{Scope: q.Get("scope"), Details: q.Get("authorization_details")}
	if w.Scope == "" && w.Details == "" {
		w.Scope = strings.Join(who.Scopes, " ")
	}
	return w, nil
}

func badWish(err error) *problem {
	if bad, is := err.(*BadWish); is {
		return &problem{status: http.StatusBadRequest, code: bad.Code, message: bad.Description}
	}
	return internal(fmt.Errorf("plan: %w", err))
}

func tell(r consent.Row, b consent.Bearer) capability {
	out := capability{
		Scope: r.Scope.Name, Words: r.Scope.Words, Access: r.Scope.Access, Provider: r.Scope.Provider, Status: r.Status, Reason: r.Reason,
		InToken: slices.Contains(b.Scopes, r.Scope.Name),
	}
	if !r.Held() {
		return out
	}
	limit := r.Limit
	switch r.Reason {
	case consent.MoreAsked:
		limit = r.Stands
	case consent.EndsSoon:
		limit, out.Until = r.Stands, &r.Ends
	default:
		out.Until = &r.Until
	}
	out.Daily, out.Interval = r.Rate.Daily, seconds(r.Rate.Every)
	if out.InToken && b.Details != nil && r.Scope.Narrowing != consent.NarrowingNone {
		limit = b.Details.Narrow(r.Scope, limit)
	}
	out.Everything = limit.Everything && r.Scope.Narrowing != consent.NarrowingNone
	for _, res := range limit.Resources {
		if len(out.Resources) == maxResources {
			out.More = len(limit.Resources) - maxResources
			break
		}
		out.Resources = append(out.Resources, resource{res.Type, res.ID})
	}
	return out
}

// left is what of a plan is still to be done; nothing when it is done.
func (s *server) left(made consent.Plan, b consent.Bearer, w Wish) (plan, error) {
	var out plan
	for _, st := range made.Steps {
		out.Steps = append(out.Steps, step{Kind: st.Kind, Provider: st.Provider, Resource: st.Resource, Scopes: st.Scopes, Reason: st.Reason, Optional: st.Optional})
	}
	if len(out.Steps) == 0 {
		return out, nil
	}
	var err error
	out.Next, err = s.outlook.Next(b, w)
	return out, err
}
