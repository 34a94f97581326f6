package consent_test

import (
	"fmt"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
)

// sentences renders a plan so that a person can read whether it is right.
func sentences(p consent.Plan) string {
	var b strings.Builder
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "  the app changed: %s", c.What)
		if c.Was != "" {
			fmt.Fprintf(&b, ", was %s", c.Was)
		}
		if c.Is != "" {
			fmt.Fprintf(&b, ", is %s", c.Is)
		}
		b.WriteString("\n")
	}
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "  %s\n", stepSentence(s))
	}
	if p.Done() {
		b.WriteString("  the app can be answered without the person\n")
	}
	for _, r := range p.Rows {
		fmt.Fprintf(&b, "  - %s\n", rowSentence(r))
	}
	for _, it := range p.Grantable {
		fmt.Fprintf(&b, "  a yes gives %s%s%s%s until %s\n", short(it.Scope), on(it.Connection), limitWords(it.Limit), rateWords(it.Rate), it.Until.Format("2006-01-02"))
	}
	if len(p.Token) > 0 {
		fmt.Fprintf(&b, "  a token carries %s\n", list(p.Token))
	}
	return b.String()
}

func stepSentence(s consent.Step) string {
	what := string(s.Kind)
	switch s.Kind {
	case consent.Connect:
		what += " " + string(s.Provider)
	case consent.Reconnect, consent.Widen:
		what += " " + string(s.Provider) + on(s.Connection)
	case consent.Pick:
		what += " a " + string(s.Resource) + on(s.Connection)
	}
	out := what
	if s.Kind == consent.Approve || s.Kind == consent.Confirm {
		out += " " + list(s.Scopes)
	} else {
		out += " for " + list(s.Scopes)
	}
	out += ": " + words(s.Reason)
	if len(s.Lacks) > 0 {
		out += " " + strings.Join(s.Lacks, " and ")
	}
	if s.Optional {
		out += " (can wait)"
	}
	return out
}

func rowSentence(r consent.Row) string {
	out := fmt.Sprintf("%s%s is %s, %s", short(r.Scope.Name), on(r.Connection.ID), words(r.Status), words(r.Reason))
	if !r.RefusedAt.IsZero() {
		out += " on " + r.RefusedAt.Format("2006-01-02")
	}
	if r.Admin != "" {
		out += ", " + string(r.Admin) + " by an administrator"
	}
	if r.On {
		out += ", ticked"
	} else {
		out += ", not ticked"
	}
	if !r.EndedAt.IsZero() {
		out += ", ended on " + r.EndedAt.Format("2006-01-02")
	}
	if !r.Ends.IsZero() {
		out += ", stands until " + r.Ends.Format("2006-01-02")
	} else if !r.Stands.Empty() {
		out += ", where" + limitWords(r.Stands) + " stands,"
	}
	out += limitWords(r.Limit) + rateWords(r.Rate) + ", until " + r.Until.Format("2006-01-02")
	if len(r.Lacks) > 0 {
		out += ", lacks " + strings.Join(r.Lacks, " and ")
	}
	for _, app := range r.AlsoFor {
		out += ", also allowed for " + string(app)
	}
	return out
}

func limitWords(l consent.Limit) string {
	if l.Everything {
		return " in everything"
	}
	var names []string
	for _, r := range l.Resources {
		names = append(names, r.Name)
	}
	if len(names) == 0 {
		return ""
	}
	return " in " + strings.Join(names, " and ")
}

func rateWords(r consent.Rate) string {
	out := ""
	if r.Every > 0 {
		out += ", every " + strings.TrimSuffix(r.Every.String(), "0m0s")
	}
	if r.Daily > 0 {
		out += fmt.Sprintf(", %d a day", r.Daily)
	}
	return out
}

func on(id consent.ConnectionID) string {
	if id == "" {
		return ""
	}
	return " on " + string(id)
}

func words[T ~string](code T) string { return strings.ReplaceAll(string(code), "_", " ") }

func short(name consent.ScopeName) string {
	rest, service := strings.CutPrefix(string(name), "services.")
	if !service {
		return rest
	}
	_, rest, _ = strings.Cut(rest, ".")
	return rest
}

func list(scopes []consent.ScopeName) string {
	if len(scopes) == 0 {
		return "nothing"
	}
	var out []string
	for _, s := range scopes {
		out = append(out, short(s))
	}
	return strings.Join(out, ", ")
}
