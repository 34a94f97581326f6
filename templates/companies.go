package templates

import "time"

// CompanyAccounts lists the accounts elsewhere that sign the person in, and where
// they can connect one.
type CompanyAccounts struct {
	Frame
	Accounts []CompanyAccount
	Offers   []Company
	Full     bool // no more can be connected
}

// CompanyAccount is an account at a company's OpenID provider.
type CompanyAccount struct {
	ID      string
	Company string // "" when nobody signs in there any more
	Account string // the provider's word for it; may be empty
	Since   time.Time
}

// NewCompanyAccount asks whether the account that the provider named is to sign the
// person in.
type NewCompanyAccount struct {
	Frame
	Company, Account string
	Ticket           string
}

// RemoveCompanyAccount asks once before an account is taken away.
type RemoveCompanyAccount struct {
	Frame
	Account CompanyAccount
}
