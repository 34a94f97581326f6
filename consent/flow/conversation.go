package flow

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// longest is how long the flow parameter may get: sign-in passes it on as part
// of a path, and proxies cut addresses.
const longest = 3800

// conversation is an app's request on its way through our pages.
type conversation struct {
	ID      string `json:"i"`
	Query   string `json:"q"`           // the app's request, as it came
	Device  string `json:"d,omitempty"` // instead of Query: the request of a device
	Need    *need  `json:"n,omitempty"` // instead of Query: what an app lacks
	Browser []byte `json:"b"`           // SHA-256 of the browser cookie
	Began   int64  `json:"t"`           // milliseconds

	flow string // as it stands in addresses and forms
}

func (v conversation) began() time.Time   { return time.UnixMilli(v.Began) }
func (v conversation) expires() time.Time { return v.began().Add(Life) }
func (v conversation) path() string       { return "/consent?flow=" + url.QueryEscape(v.flow) }

func browserHash(c *gin.Context, people People) []byte {
	sum := sha256.Sum256([]byte(people.Browser(c)))
	return sum[:]
}

// begin seals a new conversation for the browser of c.
func (f *Flow) begin(c *gin.Context, query string) (conversation, error) {
	return f.seal(conversation{ID: uuid.NewString(), Query: query, Browser: browserHash(c, f.People), Began: f.Now().UnixMilli()})
}

// beginNeed is begin for what an app lacks.
func (f *Flow) beginNeed(c *gin.Context, n need) (conversation, error) {
	return f.seal(conversation{ID: uuid.NewString(), Need: &n, Browser: browserHash(c, f.People), Began: f.Now().UnixMilli()})
}

func (f *Flow) seal(v conversation) (conversation, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return conversation{}, err
	}
	v.flow = f.Box.Seal(plain)
	if len(v.flow) > longest {
		return conversation{}, fault.New(fault.Invalid, "This request is too long. Nothing was shared.")
	}
	return v, nil
}

// open reads a flow parameter, without asking which browser it came with.
func (f *Flow) open(flow string) (conversation, error) {
	plain, err := f.Box.Open(flow)
	if err != nil {
		return conversation{}, fault.Wrap(fault.Invalid, err, "This address is not complete. Nothing was shared. Go back to the app and start again.")
	}
	v := conversation{flow: flow}
	if err := json.Unmarshal(plain, &v); err != nil {
		return conversation{}, err
	}
	return v, nil
}

// errEnded carries the request that ended, so that its page can lead back.
var errEnded = errors.New("the request ended")

// read reads the request of a conversation anew: the app may have been switched
// off meanwhile.
func (f *Flow) read(ctx context.Context, v conversation, p identity.Person) (oauth.Ask, error) {
	switch {
	case v.Need != nil:
		if p.User != "" {
			if err := v.Need.of(p); err != nil {
				return oauth.Ask{}, err
			}
		}
		return f.readNeed(ctx, *v.Need)
	case v.Device == "":
		return f.Protocol.Resume(ctx, v.Query, v.began())
	}
	d, err := f.Devices.Device(ctx, v.Device, p.Session)
	return d.Ask, noDevice(err)
}

// resume opens a conversation for the browser of c.
func (f *Flow) resume(c *gin.Context, flow string, p identity.Person) (conversation, oauth.Ask, error) {
	v, err := f.open(flow)
	if err != nil {
		return conversation{}, oauth.Ask{}, err
	}
	if subtle.ConstantTimeCompare(v.Browser, browserHash(c, f.People)) != 1 {
		return conversation{}, oauth.Ask{}, fault.New(fault.Denied, "This page was opened in another browser, or your browser forgot our cookie. Nothing was shared. Go back to the app and start again.")
	}
	if !f.Now().Before(v.expires()) {
		return v, oauth.Ask{}, fault.Wrap(fault.Conflict, errEnded, "The request ended before you answered. Nothing was shared. Go back to the app and start again.")
	}
	ask, err := f.read(c.Request.Context(), v, p)
	return v, ask, err
}

// Asking implements identity.Conversations: it tells the sign-in page why a
// person is here.
func (f *Flow) Asking(ctx context.Context, next string) (identity.Asking, bool, error) {
	u, err := url.Parse(next)
	if err != nil {
		return identity.Asking{}, false, nil
	}
	var v conversation
	switch q := u.Query(); {
	case q.Get("need") != "":
		var n need
		n, err = f.openNeed(q.Get("need"))
		v.Need = &n
	case q.Get("flow") != "":
		v, err = f.open(q.Get("flow"))
	default:
		return identity.Asking{}, false, nil
	}
	if err != nil || v.Device != "" {
		return identity.Asking{}, false, nil // the page it leads to will say so
	}
	ask, err := f.read(ctx, v, identity.Person{})
	var told *oauth.Unanswerable
	switch {
	case errors.As(err, &told):
		return identity.Asking{App: told.Client.Name, Host: host(told.RedirectURI), ReturnURL: told.RedirectURI}, true, nil
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Conflict):
		return identity.Asking{}, false, nil
	case err != nil:
		return identity.Asking{}, false, err
	}
	return identity.Asking{App: ask.Client.Name, Host: host(ask.RedirectURI), ReturnURL: ask.RedirectURI, Hint: ask.LoginHint}, true, nil
}

// host is the host a person is sent back to; "" for a program on this computer.
func host(redirect string) string {
	if clients.ThisComputer(redirect) {
		return ""
	}
	u, err := url.Parse(redirect)
	if err != nil {
		return ""
	}
	return u.Host
}

func pageOf(v conversation, p identity.Person) Page {
	sum := sha256.Sum256([]byte(v.ID))
	return Page{ID: sum[:], User: p.User, Session: p.Session}
}
