package console

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// pageRows bounds each table of the page; the API has them all.
const pageRows = 200

var (
	//go:embed page.html
	pageSource string
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	pageScript string

	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
		"amount": amount, "bytes": byteSize, "millis": millis, "ago": ago, "lasting": func(ms int64) string { return lasting(time.Duration(ms) * time.Millisecond) }, "line": line, "area": area, "percent": percent,
		"sum":  func(a, b int) int { return a + b },
		"join": func(roles []string) string { return strings.Join(roles, ", ") },
	}).Parse(pageSource))

	// The page may run its own style and script, and nothing else.
	pagePolicy = fmt.Sprintf("default-src 'none'; connect-src 'self'; img-src data:; style-src %s; script-src %s; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		policyHash(pageStyle), policyHash(pageScript))
)

func policyHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// view is a Report cut to what the page shows.
type view struct {
	Report
	Style  template.CSS
	Script template.JS
	Chart  chart

	MoreAgents, MoreTopics, MoreGroups, MoreDamage int // rows left out
}

func (c *Console) view(r *http.Request) view {
	v := view{Report: c.report(r.Context()), Style: template.CSS(pageStyle), Script: template.JS(pageScript)}
	v.Agents, v.MoreAgents = firstRows(v.Agents)
	v.Topics, v.MoreTopics = firstRows(v.Topics)
	v.Groups, v.MoreGroups = firstRows(v.Groups)
	v.Damage, v.MoreDamage = firstRows(v.Damage)
	v.Chart = newChart(v.History)
	return v
}

func firstRows[T any](all []T) (shown []T, more int) {
	if len(all) <= pageRows {
		return all, 0
	}
	return all[:pageRows], len(all) - pageRows
}

func (c *Console) page(w http.ResponseWriter, r *http.Request) {
	c.render(w, r, "page", func(page []byte) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", pagePolicy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		_, _ = w.Write(page)
	})
}

// render executes a template whole before anything is written, so that a failure is an error and not half a page.
func (c *Console) render(w http.ResponseWriter, r *http.Request, name string, write func([]byte)) {
	var out bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&out, name, c.view(r)); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	write(out.Bytes())
}
