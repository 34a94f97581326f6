package live_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/live"
)

// rows is a database with one family, one grant and one denied token, whose
// answers can be changed, delayed and counted.
type rows struct {
	live.Source
	live.Operators
	mu      sync.Mutex
	dead    string
	err     error
	denied  []string
	secret  string
	reads   atomic.Int64
	arrived chan struct{} // told when a read has begun, if not nil
	goOn    chan struct{} // a read waits for it, if not nil
}

func (r *rows) change(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
}

func (r *rows) Standing(ctx context.Context, id consent.FamilyID) (oauth.Standing, error) {
	r.reads.Add(1)
	r.mu.Lock()
	st, err := oauth.Standing{Family: oauth.Family{ID: id}, Dead: r.dead}, r.err
	r.mu.Unlock()
	r.wait()
	if err == nil {
		err = ctx.Err()
	}
	return st, err
}

// wait holds a read back that has seen its rows.
func (r *rows) wait() {
	r.mu.Lock()
	arrived, goOn := r.arrived, r.goOn
	r.mu.Unlock()
	if arrived != nil {
		arrived <- struct{}{}
		<-goOn
	}
}

func (r *rows) Grant(_ context.Context, id consent.GrantID) (consent.Grant, error) {
	r.reads.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	return consent.Grant{ID: id, User: "user_1", Revoked: r.dead != ""}, r.err
}

func (r *rows) ConnectionsOf(_ context.Context, user consent.UserID) ([]consent.Connection, error) {
	return []consent.Connection{{ID: "connection_1", User: user}}, nil
}

func (r *rows) Denials(_ context.Context, most int) ([]string, error) {
	r.reads.Add(1)
	r.mu.Lock()
	denied, err := r.denied[:min(most, len(r.denied))], r.err
	r.mu.Unlock()
	r.wait()
	return denied, err
}

func (r *rows) Denied(_ context.Context, token string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.denied {
		if d == token {
			return true, r.err
		}
	}
	return false, r.err
}

func (r *rows) Authenticated(_ context.Context, id, secret string) (oauth.ResourceServer, bool, error) {
	r.reads.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	return oauth.ResourceServer{ID: id}, secret == r.secret, r.err
}

func newState() (*live.State, *rows) {
	r := &rows{secret: "right"}
	return live.New(r, r, nil), r
}

func dead(t *testing.T, s *live.State) string {
	t.Helper()
	st, err := s.Standing(t.Context(), "family_1")
	if err != nil {
		t.Fatal(err)
	}
	return st.Dead
}

func TestAnAnswerIsKeptForAMoment(t *testing.T) {
	s, r := newState()
	for range 100 {
		dead(t, s)
	}
	if n := r.reads.Load(); n != 1 {
		t.Errorf("100 questions cost %d reads", n)
	}
}

// The promise to people is one second, whoever made the change.
func TestWhatAnotherReplicaChangedIsInForceWithinAHalfSecond(t *testing.T) {
	s, r := newState()
	dead(t, s)
	if _, _, err := s.Live(t.Context(), "grant_1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Denied(t.Context(), "t1"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r.change(func() { r.dead, r.denied = "the grant was revoked", []string{"t1"} })
	time.Sleep(time.Until(began.Add(live.Fresh + 20*time.Millisecond)))
	if got := dead(t, s); got == "" {
		t.Error("the family still stands")
	}
	if g, err := s.Grant(t.Context(), "grant_1"); err != nil || !g.Revoked {
		t.Errorf("the grant still stands: %v", err)
	}
	if gone, err := s.Denied(t.Context(), "t1"); err != nil || !gone {
		t.Errorf("the token still counts: %v", err)
	}
}

// A question does not make an old answer younger.
func TestAskingOftenKeepsNothingAlive(t *testing.T) {
	s, r := newState()
	dead(t, s)
	r.change(func() { r.dead = "the grant was revoked" })
	for end := time.Now().Add(live.Fresh + 50*time.Millisecond); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		dead(t, s)
	}
	if dead(t, s) == "" {
		t.Error("the family still stands")
	}
}

func TestForgetIsInForceAtOnce(t *testing.T) {
	for name, forget := range map[string]func(*live.State){
		"the family": func(s *live.State) { s.Forget("family_1") }, "its grant": func(s *live.State) { s.ForgetGrant("grant_1") }, "everybody": (*live.State).ForgetPeople,
	} {
		s, r := newState()
		dead(t, s)
		if g, err := s.Grant(t.Context(), "grant_1"); err != nil || g.Revoked {
			t.Fatal(g, err)
		}
		r.change(func() { r.dead = "the grant was revoked" })
		forget(s)
		if dead(t, s) == "" {
			t.Errorf("%s forgotten: the family still stands", name)
		}
		if g, err := s.Grant(t.Context(), "grant_1"); name != "the family" && (err != nil || !g.Revoked) {
			t.Errorf("%s forgotten: the grant still stands", name)
		}
	}
	s, r := newState()
	if gone, err := s.Denied(t.Context(), "t1"); err != nil || gone {
		t.Fatal(gone, err)
	}
	r.change(func() { r.denied = []string{"t1"} })
	s.Forget("t1")
	if gone, err := s.Denied(t.Context(), "t1"); err != nil || !gone {
		t.Error("a token without a family: it still counts")
	}
}

// A read that was under way while something changed must not bring the old state
// back.
func TestARaceBetweenReadAndForget(t *testing.T) {
	standing := func(ctx context.Context, s *live.State) (bool, error) {
		st, err := s.Standing(ctx, "family_1")
		return st.Dead == "", err
	}
	counts := func(ctx context.Context, s *live.State) (bool, error) {
		gone, err := s.Denied(ctx, "t1")
		return !gone, err
	}
	for name, c := range map[string]struct {
		ask    func(context.Context, *live.State) (bool, error)
		forget func(*live.State)
	}{
		"a family":                {standing, func(s *live.State) { s.Forget("family_1") }},
		"a family, and everybody": {standing, (*live.State).ForgetPeople},
		"a token":                 {counts, func(s *live.State) { s.Forget("t1") }},
	} {
		s, r := newState()
		r.arrived, r.goOn = make(chan struct{}, 10), make(chan struct{})
		reading := make(chan error)
		go func() {
			_, err := c.ask(context.Background(), s)
			reading <- err
		}()
		<-r.arrived // it has the old state in its hands
		goOn := r.goOn
		r.change(func() { r.dead, r.denied, r.arrived, r.goOn = "the grant was revoked", []string{"t1"}, nil, nil })
		c.forget(s)
		close(goOn)
		if err := <-reading; err != nil {
			t.Fatal(err)
		}
		if stands, err := c.ask(t.Context(), s); err != nil || stands {
			t.Errorf("%s forgotten during a read: it counts again (%v)", name, err)
		}
	}
}

// Somebody who hangs up must not hand others an error.
func TestACancelledCallerSpoilsNothing(t *testing.T) {
	s, r := newState()
	r.arrived, r.goOn = make(chan struct{}, 10), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan error, 1)
	go func() {
		_, err := s.Standing(ctx, "family_1")
		first <- err
	}()
	<-r.arrived
	second := make(chan error, 1)
	go func() {
		_, err := s.Standing(context.Background(), "family_1")
		second <- err
	}()
	cancel()
	close(r.goOn)
	if err := <-second; err != nil {
		t.Errorf("the one who waited got %v", err)
	}
	<-first
	r.change(func() { r.arrived = nil })
	dead(t, s)
}

func TestAFailureIsNotKept(t *testing.T) {
	s, r := newState()
	r.err = errors.New("the database is away")
	if _, err := s.Standing(t.Context(), "family_1"); err == nil {
		t.Error("no error")
	}
	if _, err := s.Denied(t.Context(), "t1"); err == nil {
		t.Error("no error: an unknown denial must not count as none")
	}
	r.change(func() { r.err = nil })
	dead(t, s)
	if _, err := s.Denied(t.Context(), "t1"); err != nil {
		t.Error(err)
	}
}

// With more denials than memory is kept for, each token is looked up.
func TestManyDenials(t *testing.T) {
	s, r := newState()
	for i := range 6000 {
		r.denied = append(r.denied, string(rune('a'+i%26))+time.Duration(i).String())
	}
	r.denied = append(r.denied, "the last one")
	for token, want := range map[string]bool{"the last one": true, r.denied[0]: true, "another": false} {
		if got, err := s.Denied(t.Context(), token); err != nil || got != want {
			t.Errorf("%s: %v %v", token, got, err)
		}
	}
}

func TestOnlyRightSecretsAreRemembered(t *testing.T) {
	s, r := newState()
	ask := func(secret string) bool {
		_, ok, err := s.Authenticated(t.Context(), "rs_1", secret)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if ask("wrong") || !ask("right") || ask("wrong") || !ask("right") {
		t.Error("a wrong secret counts, or a right one does not")
	}
	if n := r.reads.Load(); n != 3 {
		t.Errorf("%d reads, want one for each wrong secret and one for the right one", n)
	}
}
