package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// fileTest reports whether a file belongs to what a search asks for.
type fileTest func(f *driveFile) bool

// parseFileQuery reads the part of Drive's search grammar that exists here:
// name, fullText, mimeType, modifiedTime, createdTime, trashed, starred,
// sharedWithMe, 'id' in parents and 'address' in owners, joined by and, or, not
// and parentheses. An empty search finds everything.
func (w *googleWorld) parseFileQuery(text string, who *googleAccount) (fileTest, error) {
	p := fileQuery{world: w, who: who, tokens: queryTokens(text)}
	if len(p.tokens) == 0 {
		return func(*driveFile) bool { return true }, nil
	}
	test, err := p.either()
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("unexpected %q", p.tokens[0])
	}
	return test, err
}

// queryTokens cuts a search into words, operators and quoted texts; a quoted text
// keeps its first quote as a mark, and an unfinished one is a token of its own.
func queryTokens(text string) []string {
	var tokens []string
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		if text == "" {
			return tokens
		}
		size := strings.IndexAny(text, " \t\r\n()='<>!")
		switch {
		case text[0] == '\'':
			quoted, length := quotedText(text)
			tokens, text = append(tokens, quoted), text[length:]
			continue
		case text[0] == '(' || text[0] == ')':
			size = 1
		case strings.ContainsRune("=<>!", rune(text[0])):
			size = len(text) - len(strings.TrimLeft(text, "=<>!"))
		case size < 0:
			size = len(text)
		}
		tokens, text = append(tokens, text[:size]), text[size:]
	}
}

// quotedText reads 'text' with \' and \\ inside, and how long it was written.
func quotedText(text string) (string, int) {
	out := []byte{'\''}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			out = append(out, text[i])
		case text[i] == '\'':
			return string(out), i + 1
		default:
			out = append(out, text[i])
		}
	}
	return "unfinished text", len(text)
}

type fileQuery struct {
	world  *googleWorld
	who    *googleAccount
	tokens []string
	depth  int
}

func (p *fileQuery) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	token := p.tokens[0]
	p.tokens = p.tokens[1:]
	return token
}

func (p *fileQuery) take(word string) bool {
	if len(p.tokens) == 0 || p.tokens[0] != word {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *fileQuery) either() (fileTest, error) {
	test, err := p.both()
	for err == nil && p.take("or") {
		left := test
		var right fileTest
		right, err = p.both()
		test = func(f *driveFile) bool { return left(f) || right(f) }
	}
	return test, err
}

func (p *fileQuery) both() (fileTest, error) {
	test, err := p.one()
	for err == nil && p.take("and") {
		left := test
		var right fileTest
		right, err = p.one()
		test = func(f *driveFile) bool { return left(f) && right(f) }
	}
	return test, err
}

func (p *fileQuery) one() (fileTest, error) {
	p.depth++
	defer func() { p.depth-- }()
	switch {
	case p.depth > 50:
		return nil, fmt.Errorf("the search is nested too deeply")
	case p.take("not"):
		test, err := p.one()
		return func(f *driveFile) bool { return !test(f) }, err
	case p.take("("):
		test, err := p.either()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("a parenthesis is not closed")
		}
		return test, err
	}
	return p.comparison()
}

func (p *fileQuery) comparison() (fileTest, error) {
	left := p.next()
	if value, quoted := strings.CutPrefix(left, "'"); quoted {
		return p.membership(value)
	}
	if left == "sharedWithMe" && (len(p.tokens) == 0 || p.tokens[0] != "=") {
		return p.flag(left, "true")
	}
	operator, right := p.next(), p.next()
	value, quoted := strings.CutPrefix(right, "'")
	switch {
	case !quoted && operator == "=":
		return p.flag(left, right)
	case !quoted:
		return nil, fmt.Errorf("%s %s wants a text in quotes", left, operator)
	case left == "modifiedTime" || left == "createdTime":
		return compareTimes(left, operator, value)
	}
	return compareTexts(left, operator, value)
}

// membership is 'id' in parents and 'address' in owners, writers or readers.
func (p *fileQuery) membership(value string) (fileTest, error) {
	if !p.take("in") {
		return nil, fmt.Errorf("a text in quotes must be followed by in")
	}
	switch list := p.next(); list {
	case "parents":
		if value == "root" {
			value = p.who.root
		}
		return func(f *driveFile) bool { return f.parent == value }, nil
	case "owners":
		owner := p.world.account(value)
		if value == "me" {
			owner = p.who
		}
		return func(f *driveFile) bool { return f.owner != nil && f.owner == owner }, nil
	default:
		return nil, fmt.Errorf("in %s does not exist here", list)
	}
}

func (p *fileQuery) flag(name, value string) (fileTest, error) {
	if value != "true" && value != "false" {
		return nil, fmt.Errorf("%s must be true or false", name)
	}
	want := value == "true"
	switch name {
	case "trashed":
		return func(f *driveFile) bool { return p.world.inTrash(f) == want }, nil
	case "starred":
		return func(f *driveFile) bool { return f.starred == want }, nil
	case "sharedWithMe":
		return func(f *driveFile) bool { return slices.Contains(f.readers, p.who.name) == want }, nil
	}
	return nil, fmt.Errorf("%s does not exist here", name)
}

func compareTexts(name, operator, value string) (fileTest, error) {
	lower := strings.ToLower(value)
	switch name + " " + operator {
	case "name =":
		return func(f *driveFile) bool { return strings.EqualFold(f.name, value) }, nil
	case "name !=":
		return func(f *driveFile) bool { return !strings.EqualFold(f.name, value) }, nil
	case "name contains":
		// Drive matches names from the beginning of a word only.
		return func(f *driveFile) bool { return strings.Contains(" "+strings.ToLower(f.name), " "+lower) }, nil
	case "fullText contains":
		return func(f *driveFile) bool {
			return strings.Contains(strings.ToLower(f.name+" "+f.description+" "+string(f.content)), lower)
		}, nil
	case "mimeType =":
		return func(f *driveFile) bool { return f.mime == value }, nil
	case "mimeType !=":
		return func(f *driveFile) bool { return f.mime != value }, nil
	case "mimeType contains":
		return func(f *driveFile) bool { return strings.HasPrefix(f.mime, value) }, nil
	}
	return nil, fmt.Errorf("%s %s does not exist here", name, operator)
}

func compareTimes(name, operator, value string) (fileTest, error) {
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		at, err = time.Parse("2006-01-02T15:04:05", value)
	}
	if err != nil {
		return nil, fmt.Errorf("%s wants a time", name)
	}
	want := map[string][]int{"<": {-1}, "<=": {-1, 0}, "=": {0}, "!=": {-1, 1}, ">": {1}, ">=": {0, 1}}[operator]
	if want == nil {
		return nil, fmt.Errorf("%s %s does not exist here", name, operator)
	}
	return func(f *driveFile) bool {
		stamp := f.modified
		if name == "createdTime" {
			stamp = f.created
		}
		return slices.Contains(want, stamp.Compare(at))
	}, nil
}
