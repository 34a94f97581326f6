package catalog

// The structs of the YAML files. They are apart from the catalogue's own types,
// so that neither shapes the other; build turns one into the other.

type platformFile struct {
	Schema  string      `yaml:"schema"`
	Scopes  []scopeFile `yaml:"scopes"`
	Retired []string    `yaml:"retired"`
}

type providerFile struct {
	Schema      string               `yaml:"schema"`
	ID          string               `yaml:"id"`
	Name        string               `yaml:"name"`
	Mark        string               `yaml:"mark"`
	Web         string               `yaml:"web"`
	API         string               `yaml:"api"`
	Hosts       map[string]string    `yaml:"hosts"`
	Headers     map[string]string    `yaml:"headers"`
	Accept      []string             `yaml:"accept"`
	OK          string               `yaml:"ok"`
	Fault       string               `yaml:"fault"`
	Body        string               `yaml:"body"` // json when it says nothing
	FaultFields []string             `yaml:"fault_fields"`
	Variants    []variantFile        `yaml:"variants"`
	Identity    identityFile         `yaml:"identity"`
	Errors      []errorFile          `yaml:"errors"`
	Pace        paceFile             `yaml:"pace"`
	Events      eventsFile           `yaml:"events"`
	Scrub       scrubFile            `yaml:"scrub"`
	Resources   []resourceFile       `yaml:"resources"`
	Tree        treeFile             `yaml:"tree"`
	Scopes      []scopeFile          `yaml:"scopes"`
	Values      map[string]valueFile `yaml:"values"`
	Operations  []operationFile      `yaml:"operations"`
	Deny        []string             `yaml:"deny"`
}

type variantFile struct {
	ID              string              `yaml:"id"`
	Authorize       string              `yaml:"authorize"`
	Token           string              `yaml:"token"`
	AuthorizeParams map[string]string   `yaml:"authorize_params"`
	TokenHeaders    map[string]string   `yaml:"token_headers"`
	ClientAuth      string              `yaml:"client_auth"`
	TokenOmit       []string            `yaml:"token_omit"`
	TokenBody       string              `yaml:"token_body"` // form when it says nothing
	PKCE            bool                `yaml:"pkce"`
	Scope           scopeParamFile      `yaml:"scope"`
	Reply           replyFile           `yaml:"reply"`
	Renewed         *replyFile          `yaml:"renewed"` // of a refresh; as reply when left out
	OK              string              `yaml:"ok"`
	Error           []string            `yaml:"error"`
	AssumeAccess    string              `yaml:"assume_access"`
	RefreshBefore   string              `yaml:"refresh_before"`
	Rotates         bool                `yaml:"rotates"`
	KillsOldAccess  bool                `yaml:"kills_old_access"`
	Revoke          *callFile           `yaml:"revoke"`
	Blast           string              `yaml:"blast"`
	Wider           string              `yaml:"wider"`
	Always          []string            `yaml:"always"`
	Implied         map[string][]string `yaml:"implied"`
	DE              wordsFile           `yaml:"de"`
}

type scopeParamFile struct {
	Param        string `yaml:"param"`
	Separator    string `yaml:"separator"`
	GrantedSplit string `yaml:"granted_split"`
}

type replyFile struct {
	Access    []string `yaml:"access"`
	Refresh   []string `yaml:"refresh"`
	ExpiresIn []string `yaml:"expires_in"`
	Scope     []string `yaml:"scope"`
	Subject   []string `yaml:"subject"`
}

type identityFile struct {
	Call    callFile `yaml:"call"`
	Realm   string   `yaml:"realm"`
	Subject string   `yaml:"subject"`
	Login   string   `yaml:"login"`
	Name    string   `yaml:"name"`
	Picture string   `yaml:"picture"`
	Pin     string   `yaml:"pin"`

	Choose map[string]string `yaml:"choose"`
}

type callFile struct {
	Method string            `yaml:"method"`
	Path   string            `yaml:"path"`
	Query  map[string]string `yaml:"query"`
	Auth   string            `yaml:"auth"`
	JSON   map[string]any    `yaml:"json"`
	Form   map[string]string `yaml:"form"`
}

type errorFile struct {
	Status     []int             `yaml:"status"`
	Header     map[string]string `yaml:"header"`
	Text       string            `yaml:"text"`
	Code       []string          `yaml:"code"`
	TokenError []string          `yaml:"token_error"`
	Class      string            `yaml:"class"`
	RetryAfter string            `yaml:"retry_after"`
	RetryForm  string            `yaml:"retry_form"`
	RetryWait  string            `yaml:"retry_wait"`
}

// paceFile is how many calls a provider bears.
type paceFile struct {
	Each    string            `yaml:"each"` // connection when it says nothing
	Calls   rateFile          `yaml:"calls"`
	Changes rateFile          `yaml:"changes"`
	Window  map[string]string `yaml:"window"`
	Share   int               `yaml:"share"` // percent
}

type rateFile struct {
	Calls int    `yaml:"calls"`
	In    string `yaml:"in"`
	Burst int    `yaml:"burst"`
}

type scrubFile struct {
	Fields   []string `yaml:"fields"`
	Types    []string `yaml:"types"`
	Patterns []string `yaml:"patterns"`
}

type resourceFile struct {
	Type     string       `yaml:"type"`
	Word     string       `yaml:"word"`
	Words    string       `yaml:"words"`
	Variable string       `yaml:"variable"`
	Pattern  string       `yaml:"pattern"`
	DE       wordsFile    `yaml:"de"`
	Resolve  *resolveFile `yaml:"resolve"`
	Alias    *aliasFile   `yaml:"alias"`
	Picker   *pickerFile  `yaml:"picker"`
}

type resolveFile struct {
	From []string `yaml:"from"`
	Call callFile `yaml:"call"`
	ID   string   `yaml:"id"`
}

type aliasFile struct {
	Name string   `yaml:"name"`
	Call callFile `yaml:"call"`
	ID   string   `yaml:"id"`
}

type pickerFile struct {
	Call     callFile `yaml:"call"`
	Items    string   `yaml:"items"`
	Page     string   `yaml:"page"`
	Cursor   string   `yaml:"cursor"`
	SendAs   string   `yaml:"send_as"`
	Without  string   `yaml:"without"`
	ID       string   `yaml:"id"`
	Label    string   `yaml:"label"`
	Prefix   string   `yaml:"prefix"`
	Detail   string   `yaml:"detail"`
	Private  string   `yaml:"private"`
	Updated  string   `yaml:"updated"`
	SearchBy string   `yaml:"search_by"`

	Names *pickerFile `yaml:"names"`
}

// treeFile says what is inside what.
type treeFile struct {
	Up    []refFile           `yaml:"up"`
	Kinds map[string]kindFile `yaml:"kinds"`
}

type kindFile struct {
	Types   []string `yaml:"types"`
	Pattern string   `yaml:"pattern"`
	Call    callFile `yaml:"call"`
}

type refFile struct {
	At   string `yaml:"at"`
	Kind string `yaml:"kind"`
}

type scopeFile struct {
	Name      string              `yaml:"name"`
	Words     string              `yaml:"words"`
	Detail    string              `yaml:"detail"`
	Access    string              `yaml:"access"`
	Risk      int                 `yaml:"risk"`
	Modifier  bool                `yaml:"modifier"`
	Implies   []string            `yaml:"implies"`
	Narrowing string              `yaml:"narrowing"`
	Resources []string            `yaml:"resources"`
	Needs     map[string][]string `yaml:"needs"`
	OverGrant []string            `yaml:"over_grant"`
	Days      int                 `yaml:"days"`
	MaxDays   int                 `yaml:"max_days"`
	Daily     int                 `yaml:"daily"`
	Every     string              `yaml:"every"`
	Attended  bool                `yaml:"attended"`
	DE        wordsFile           `yaml:"de"`
}

// wordsFile is what an entry says in another language, under the names it has in
// the entry itself.
type wordsFile struct {
	Words  string `yaml:"words"`
	Detail string `yaml:"detail"`
	Word   string `yaml:"word"`
	Says   string `yaml:"says"`
	Blast  string `yaml:"blast"`
	Wider  string `yaml:"wider"`
}

type valueFile struct {
	Name   string   `yaml:"name"` // "" when the key is the name
	Kind   string   `yaml:"kind"`
	Max    int      `yaml:"max"`
	Enum   []string `yaml:"enum"`
	Match  string   `yaml:"match"`
	Refuse string   `yaml:"refuse"`
	// Members are what an object can have, Of is what a list or a map holds: values by
	// their keys, a "!" behind one that must be there. Null can be sent to take a value
	// away.
	Members []string `yaml:"members"`
	Of      string   `yaml:"of"`
	Null    bool     `yaml:"nullable"`
}

type operationFile struct {
	ID       string          `yaml:"id"`
	Scope    string          `yaml:"scope"`
	Access   string          `yaml:"access"`
	Says     string          `yaml:"says"`
	Methods  []string        `yaml:"methods"`
	Paths    []string        `yaml:"paths"` // ways to write the same call: by name, by id
	When     string          `yaml:"when"`
	Content  bool            `yaml:"content"`
	Values   []string        `yaml:"values"` // stand in for the path variables of their name
	Query    []string        `yaml:"query"`
	Body     []string        `yaml:"body"`
	Args     []string        `yaml:"args"`
	Resource resourceUseFile `yaml:"resource"`
	Also     []alsoFile      `yaml:"also"`
	Before   *beforeFile     `yaml:"before"`
	Posts    *refFile        `yaml:"posts"`
	Own      *refFile        `yaml:"own"`
	Without  string          `yaml:"without"`
	Unlike   string          `yaml:"unlike"`
	Call     callFile        `yaml:"call"`
	Filter   *filterFile     `yaml:"filter"`
	Pick     []string        `yaml:"pick"`
	Confirm  string          `yaml:"confirm"`
	Retry    string          `yaml:"retry"` // never | safe; "" for reads
	Preview  string          `yaml:"preview"`
	Max      int64           `yaml:"max"`
	DE       wordsFile       `yaml:"de"`
}

type resourceUseFile struct {
	From  string    `yaml:"from"`
	Type  string    `yaml:"type"`
	Named []refFile `yaml:"named"` // in a tree: where the request says which thing it is about
	All   bool      `yaml:"all"`   // may name none, when everything is allowed
}

type alsoFile struct {
	Scope string `yaml:"scope"`
	Type  string `yaml:"type"`
	Steps *int   `yaml:"steps"` // in a tree: how far below what was picked, 0 being that itself; left out, any depth
}

type beforeFile struct {
	Call        callFile `yaml:"call"`
	Pointer     string   `yaml:"pointer"`
	DiffersFrom string   `yaml:"differs_from"`
	Absent      string   `yaml:"absent"`
	Some        bool     `yaml:"some"`
	Inside      string   `yaml:"inside"`
	Else        string   `yaml:"else"`
}

type filterFile struct {
	Items  string     `yaml:"items"`
	ID     string     `yaml:"id"`
	Keyed  bool       `yaml:"keyed"`
	One    bool       `yaml:"one"`
	Some   bool       `yaml:"some"`
	Kind   string     `yaml:"kind"`
	Keep   []string   `yaml:"keep"`
	Parts  []partFile `yaml:"parts"`
	Hide   []string   `yaml:"hide"`
	Beside []string   `yaml:"beside"`
	Whole  []string   `yaml:"whole"`
	Cursor string     `yaml:"cursor"`
}

type partFile struct {
	At   string   `yaml:"at"`
	Keep []string `yaml:"keep"`
	By   string   `yaml:"by"`
}
