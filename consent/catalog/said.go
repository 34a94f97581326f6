package catalog

// german is the language of the files' de entries, BCP 47.
const german = "de"

func (c *Catalog) sayScope(f scopeFile, at *problems) {
	at = at.in("scope " + f.Name)
	c.say(f.Words, f.DE.Words, at)
	c.say(f.Detail, f.DE.Detail, at)
	unsaid(wordsFile{Word: f.DE.Word, Says: f.DE.Says, Blast: f.DE.Blast, Wider: f.DE.Wider}, at)
}

func (c *Catalog) sayProvider(f providerFile, at *problems) {
	for _, v := range f.Variants {
		at := at.in("variant " + v.ID)
		c.say(v.Blast, v.DE.Blast, at)
		c.say(v.Wider, v.DE.Wider, at)
		unsaid(wordsFile{Words: v.DE.Words, Detail: v.DE.Detail, Word: v.DE.Word, Says: v.DE.Says}, at)
	}
	for _, r := range f.Resources {
		at := at.in("resource " + r.Type)
		c.say(r.Word, r.DE.Word, at)
		c.say(r.Words, r.DE.Words, at)
		unsaid(wordsFile{Detail: r.DE.Detail, Says: r.DE.Says, Blast: r.DE.Blast, Wider: r.DE.Wider}, at)
	}
	for _, o := range f.Operations {
		at := at.in("operation " + o.ID)
		c.say(o.Says, o.DE.Says, at)
		unsaid(wordsFile{Words: o.DE.Words, Detail: o.DE.Detail, Word: o.DE.Word, Blast: o.DE.Blast, Wider: o.DE.Wider}, at)
	}
}

// say keeps what is said in German for an English text. The same text is said in
// one way everywhere: pages look it up by the English.
func (c *Catalog) say(english, there string, at *problems) {
	if there == "" {
		return // a file may be in English only
	}
	if english == "" {
		at.add("says %q in %s, and nothing in English", there, german)
		return
	}
	if c.Said[german] == nil {
		c.Said[german] = map[string]string{}
	}
	if have, twice := c.Said[german][english]; twice && have != there {
		at.add("%q is %q in %s here, and %q elsewhere", english, there, german, have)
	}
	c.Said[german][english] = there
}

// unsaid notes words under names that the entry does not have.
func unsaid(rest wordsFile, at *problems) {
	if rest != (wordsFile{}) {
		at.add("%s has words that the entry has not", german)
	}
}
