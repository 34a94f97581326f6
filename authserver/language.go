package authserver

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity"
)

// language is POST /language with the fields language and return: the switch at
// the foot of every page. It has no form token, because there is nothing to gain
// by choosing somebody's language, and the page may be one for nobody.
func (p Parts) language(c *gin.Context) error {
	back, err := identity.Next(c.Request.PostForm.Get("return"))
	if err != nil {
		return err
	}
	p.Site.ChooseLanguage(c, c.Request.PostForm.Get("language"))
	c.Redirect(http.StatusSeeOther, back)
	return nil
}
