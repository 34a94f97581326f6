package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// PushLife is how long after pushing a request a browser may begin with it.
const PushLife = 90 * time.Second

// keepPushed is how long the row of a request stays after that: a person who
// began may take longer, and reloads.
const keepPushed = 15 * time.Minute

// requestPrefix begins every request_uri of ours. There are no others: an address
// that a stranger chose is never fetched (RFC 9126 section 7.1).
const requestPrefix = "urn:ietf:params:oauth:request_uri:"

// pushed is a row of pushed.
type pushed struct {
	Hash       []byte
	AppID      consent.AppID
	Query      string
	Thumbprint string `gorm:"column:jkt"` // key the request was pushed with; "" for none
	ExpiresAt  int64
}

// TableName implements gorm's Tabler.
func (pushed) TableName() string { return "pushed" }

// Push is POST /oauth/par (RFC 9126).
func (s *Server) Push(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	form, err := readForm(c.Request)
	if err != nil {
		methodOnly(c, err)
		return
	}
	row, err := s.push(c, form)
	if err != nil {
		writeError(c, err)
		return
	}
	uri := requestPrefix + newSecret()
	row.Hash = codeHash(uri)
	row.ExpiresAt = s.Now().Add(PushLife).UnixMilli()
	if err := s.storage.addPushed(c.Request.Context(), row, s.Now()); err != nil {
		writeError(c, err)
		return
	}
	c.JSON(http.StatusCreated, gin.H{"request_uri": uri, "expires_in": int(PushLife / time.Second)})
}

// push checks a request as the authorization endpoint would, and returns what of
// it is kept: never a credential.
func (s *Server) push(c *gin.Context, form url.Values) (pushed, error) {
	ctx := c.Request.Context()
	client, err := s.client(ctx, c.Request, form)
	if err != nil {
		return pushed{}, err
	}
	if form.Has("request_uri") { // RFC 9126 section 2.1
		return pushed{}, invalidRequest("A pushed request cannot refer to another one.")
	}
	kept := url.Values{"client_id": {string(client.ID)}}
	for name, values := range form {
		if name != "client_id" && name != "client_secret" && name != "client_assertion" && name != "client_assertion_type" {
			kept[name] = values
		}
	}
	ask, err := s.read(ctx, kept)
	var told *Unanswerable
	switch {
	case errors.As(err, &told):
		return pushed{}, told.Err
	case fault.Is(err, fault.Invalid):
		return pushed{}, &Error{Code: "invalid_request", Description: "The redirect_uri is missing or not registered.", Status: http.StatusBadRequest, Cause: err}
	case err != nil:
		return pushed{}, err
	}
	key, err := s.proven(c.Request, "")
	if err != nil {
		return pushed{}, err
	}
	if key != "" && ask.key != "" && key != ask.key { // RFC 9449 section 10.1
		return pushed{}, &BadProof{Reason: "its key is not the one of dpop_jkt"}
	}
	return pushed{AppID: client.ID, Query: kept.Encode(), Thumbprint: key}, nil
}

// resolve replaces a request that only refers to a pushed one by that one. What
// else came along does not count (RFC 9126 section 4): it is from whoever sent
// the browser. at is when the browser began.
func (s *Server) resolve(ctx context.Context, form url.Values, at time.Time) (url.Values, []byte, error) {
	uri, client := form["request_uri"], form["client_id"]
	if len(uri) == 0 || !strings.HasPrefix(uri[0], requestPrefix) {
		return form, nil, nil
	}
	if len(uri) != 1 || len(client) != 1 {
		return nil, nil, fault.New(fault.Invalid, "This link does not say once which app and which request it is from. Nothing was shared.")
	}
	hash := codeHash(uri[0])
	row, err := s.storage.findPushed(ctx, hash)
	if err != nil && !errors.Is(err, db.ErrNone) {
		return nil, nil, err
	}
	// One answer, whichever it is: nobody learns which requests there are.
	if err != nil || string(row.AppID) != client[0] || at.UnixMilli() >= row.ExpiresAt {
		return nil, nil, errNoRequest()
	}
	kept, err := parse(row.Query)
	if err != nil {
		return nil, nil, err
	}
	if row.Thumbprint != "" {
		kept.Set("dpop_jkt", row.Thumbprint)
	}
	return kept, hash, nil
}

func errNoRequest() error {
	return fault.New(fault.Conflict, "This request was answered already, or it has ended. Go back to the app and start again.")
}

func (s storage) addPushed(ctx context.Context, row pushed, now time.Time) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		tx := s.db.Read(ctx)
		return errors.Join(
			tx.Create(&row).Error,
			tx.Exec("DELETE FROM pushed WHERE hash IN (SELECT hash FROM pushed WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
				now.Add(-keepPushed).UnixMilli(), sweepBatch).Error,
		)
	})
}

func (s storage) findPushed(ctx context.Context, hash []byte) (pushed, error) {
	return db.One[pushed](s.db.Read(ctx), "SELECT * FROM pushed WHERE hash = ?", hash)
}

// usePushed takes a request away. It reports false when somebody else was first:
// this one statement is what makes a request be answered with one code.
func (s storage) usePushed(ctx context.Context, hash []byte) (bool, error) {
	res := s.db.Read(ctx).Exec("DELETE FROM pushed WHERE hash = ?", hash)
	return res.RowsAffected == 1, res.Error
}
