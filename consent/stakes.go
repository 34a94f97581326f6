package consent

// Stake is something in an answer that is worth a second look at who gives it.
type Stake struct {
	Scope Scope
	Why   StakeReason
}

// StakeReason says why.
type StakeReason string

// The reasons.
const (
	CannotBeUndone StakeReason = "cannot_be_undone"
	WithoutAsking  StakeReason = "without_asking" // changes, nobody being asked
)

// Stakes are those among what a yes would give for which a person who has more to
// show than a password shows it again: a stolen session must not be enough.
func (p Plan) Stakes() []Stake {
	var out []Stake
	for _, it := range p.Grantable {
		row, _ := p.Row(it.Scope)
		switch {
		case row.Scope.Access == Destructive:
			out = append(out, Stake{row.Scope, CannotBeUndone})
		case it.Scope == UnattendedWrites:
			out = append(out, Stake{row.Scope, WithoutAsking})
		}
	}
	return out
}
