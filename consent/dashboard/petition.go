package dashboard

import (
	"context"
	"fmt"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/templates"
)

const withdrawStep = "withdraw"

// Petition is what a person asked an administrator for.
type Petition struct {
	consent.Petition
	AppName string
}

// Petitions are what people asked administrators for.
type Petitions interface {
	// Petitions lists what the person asked for and counts still, the newest first.
	Petitions(ctx context.Context, user consent.UserID) ([]Petition, error)
	// Withdraw takes back a petition that waits. The error is a fault.Conflict when it
	// was answered, and a fault.NotFound when it is not the person's.
	Withdraw(ctx context.Context, user consent.UserID, id consent.PetitionID) error
}

func (d *Dashboard) petitions(v visit) ([]templates.Petition, error) {
	list, err := d.cfg.Petitions.Petitions(v.ctx(), v.user())
	if err != nil {
		return nil, fmt.Errorf("load petitions: %w", err)
	}
	var out []templates.Petition
	for _, p := range list {
		line := templates.Petition{
			ID: string(p.ID), App: p.AppName, State: templates.PetitionState(p.State), Why: p.Why, Answer: p.Answer, Asked: p.Asked, Answered: p.Answered, Until: p.Until,
			CSRF: d.token(v, withdrawStep, string(p.ID)),
		}
		for _, name := range p.Scopes {
			line.Rows = append(line.Rows, v.scope(name).Words)
		}
		out = append(out, line)
	}
	return out, nil
}

// Withdraw is POST /petitions/withdraw with the fields csrf and petition.
func (d *Dashboard) Withdraw(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	if err := d.form(v); err != nil {
		return err
	}
	id := v.Request.PostForm.Get("petition")
	if err := d.check(v, withdrawStep, id); err != nil {
		return err
	}
	if err := d.cfg.Petitions.Withdraw(v.ctx(), v.user(), consent.PetitionID(id)); err != nil {
		return err
	}
	return d.done(v, "/", note{kind: templates.NoticeWithdrawn})
}
