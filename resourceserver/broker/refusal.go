package broker

import (
	"fmt"
	"net/http"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// Refusal is why a call did not give an answer. It holds nothing of the
// provider's own words, scopes or accounts. Package bearer turns it into a
// challenge; MCP into a tool error.
type Refusal struct {
	Denial   consent.Denial     // when live authority said no
	Class    catalog.ErrorClass // when the provider did
	Status   int
	Code     string // stable, for programs
	Message  string // one sentence, for people
	Provider consent.ProviderID
	// Scope is what the call was decided under, of an operation that several scopes
	// serve; "" when it did not come to that.
	Scope   consent.ScopeName
	Missing []consent.ScopeName // scopes that would have to be agreed
	// Outside is the resource that would have to be agreed, as the call itself named
	// it: with its id only when the call named the id, so that it tells nobody whether
	// there is such a resource. Nil when agreeing to a resource would not help.
	Outside *consent.Resource
	// RetryAfter is how long to wait; zero when waiting does not help.
	RetryAfter time.Duration
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("call refused: %s: %s", r.Code, r.Message) }

// The codes of refusals that are not decided by one denial or class alone.
const (
	CodeInvalid  = "invalid_request"
	CodeUnknown  = "unknown_operation"
	CodeResource = "resource_unavailable"
	CodeOutcome  = "unknown_outcome"
	CodePolicy   = "not_offered"
)

func invalid(format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Code: CodeInvalid, Message: fmt.Sprintf(format, args...)}
}

// unavailable is the one answer for a resource outside the limit, an absent one
// and one the provider does not show: nobody can tell them apart.
func unavailable() *Refusal {
	return &Refusal{Status: http.StatusNotFound, Code: CodeResource, Message: "There is no such resource for this app."}
}

func unknownOutcome() *Refusal {
	return &Refusal{
		Class: catalog.ProviderDown, Status: http.StatusGatewayTimeout, Code: CodeOutcome,
		Message: "It is not known whether the change was made. Look before you try again.",
	}
}

// denied turns a denial of Permit into a refusal.
func denied(v consent.Verdict) *Refusal {
	r := &Refusal{Denial: v.Denial, Status: http.StatusForbidden, Missing: v.Missing}
	switch v.Denial {
	case consent.GrantGone:
		r.Status, r.Code = http.StatusUnauthorized, "grant_gone"
		r.Message = "The person took this app's permission away, or it ended."
	case consent.ScopeMissing:
		r.Code, r.Message = "scope_missing", "The person has not allowed this app to do that."
	case consent.PersonAway:
		r.Code, r.Message = "person_away", "The person is not signed in, and has not allowed this app to work while they are away."
		if len(v.Missing) == 0 {
			r.Message = "The person is not signed in, and this is only done while they are."
		}
	case consent.WriteNeedsYes:
		r.Code, r.Message = "write_needs_yes", "Changes need the person's yes, and there is none."
	case consent.OutsideLimit:
		r = unavailable()
		r.Denial = v.Denial
	case consent.ConnectionMissing:
		r.Status, r.Code, r.Message = http.StatusFailedDependency, "connection_missing", "The person has disconnected this service."
	case consent.ConnectionBroken:
		r.Status, r.Code, r.Message = http.StatusFailedDependency, "connection_needs_you", "The person has to sign in to this service again."
	case consent.ProviderLacks:
		r.Code, r.Message = "provider_permission", "The person has to allow Deputy one more thing at this service."
	default:
		r.Code, r.Message = "denied", "This call is not allowed."
	}
	return r
}

// spent turns a shortage into a refusal. Whoever came to the end of what is meant
// for finishing something can ask for a schedule.
func spent(s consent.Shortage) *Refusal {
	if s.Denial == consent.ScopeMissing {
		return denied(consent.Verdict{Denial: s.Denial, Missing: []consent.ScopeName{s.Scope}})
	}
	r := &Refusal{Denial: s.Denial, Status: http.StatusTooManyRequests, Code: string(s.Denial), RetryAfter: max(s.Wait, time.Second)}
	switch s.Denial {
	case consent.TooManyCalls:
		r.Message = "The app has made as many calls for this person as one app may for now."
	case consent.RateExceeded:
		r.Message = "The person allows the next visit later."
	default:
		r.Message = "The person allows this so many times a day, and that many were made."
	}
	if s.Scope == consent.Background {
		r.Missing = []consent.ScopeName{consent.Recurring}
	}
	return r
}

// refused turns a provider's refusal into ours. wrote is true when the call may
// have changed something although no clear answer came back.
func refused(class catalog.ErrorClass, wait time.Duration, scope consent.ScopeName, wrote bool) *Refusal {
	r := &Refusal{Class: class}
	switch class {
	case catalog.ReauthRequired, catalog.TokenInvalid:
		r.Status, r.Code, r.Message = http.StatusFailedDependency, "connection_needs_you", "The person has to sign in to this service again."
	case catalog.UpgradeNeeded:
		r.Status, r.Code, r.Message = http.StatusForbidden, "provider_permission", "The person has to allow Deputy one more thing at this service."
		r.Missing = []consent.ScopeName{scope}
	case catalog.OrgBlocked, catalog.SSORequired:
		r.Status, r.Code, r.Message = http.StatusForbidden, "blocked_by_organisation", "The organisation this belongs to does not let Deputy in."
	case catalog.ResourceGone:
		r = unavailable()
		r.Class = class
	case catalog.RateLimited:
		r.Status, r.Code, r.Message = http.StatusTooManyRequests, "rate_limited", "The service asks to wait."
		r.RetryAfter = max(wait, time.Second)
	case catalog.VaultLocked:
		r.Status, r.Code, r.Message = http.StatusServiceUnavailable, "vault_locked", "The operator has stopped all calls to services. Nothing was sent."
		r.RetryAfter = time.Minute
	case catalog.Misconfigured:
		r.Status, r.Code, r.Message = http.StatusServiceUnavailable, "platform_misconfigured", "Deputy is not set up right for this service."
	default:
		if wrote {
			return unknownOutcome()
		}
		r.Class, r.Status, r.Code, r.Message = catalog.ProviderDown, http.StatusServiceUnavailable, "provider_down", "The service does not answer as it should."
		r.RetryAfter = wait
	}
	return r
}
