package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// agreed is how many apps the person of the consent page has allowed something,
// and picks on how many repositories each of them may do it.
const (
	agreed = 1_000
	picks  = 10
)

// remember gives the veteran a past: the one agreement made through the pages,
// once more for each of as many apps, with repositories of its own. Making all of
// them through the pages would take longer than the whole measurement.
func (w *world) remember(ctx context.Context) (err error) {
	driver, source := "sqlite", "file:"+w.dataFile()+"?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)"
	if w.pages != "" {
		driver, source = "pgx", w.pages
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignore(tx.Rollback(), sql.ErrTxDone)) }()
	var grant string
	if err := tx.QueryRowContext(ctx, "SELECT g.id FROM grants g JOIN users u ON u.id = g.user_id WHERE u.email = '"+w.veteran.email+"'").Scan(&grant); err != nil {
		return fmt.Errorf("find the agreement: %w", err)
	}
	for i := range agreed {
		app, copied := fmt.Sprintf("'past-app-%d'", i), fmt.Sprintf("'past-grant-%d'", i)
		for _, c := range []struct {
			table, which string
			instead      map[string]string
		}{
			{"apps", "id = '" + w.robotID + "'", map[string]string{"id": app, "name": fmt.Sprintf("'Past %d'", i)}},
			{"grants", "id = '" + grant + "'", map[string]string{"id": copied, "app_id": app}},
			{"grant_items", "grant_id = '" + grant + "'", map[string]string{"grant_id": copied, "resources": repositoriesOf(i)}},
		} {
			if err := again(ctx, tx, c.table, c.which, c.instead); err != nil {
				return fmt.Errorf("another row in %s: %w", c.table, err)
			}
		}
	}
	return tx.Commit()
}

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// again inserts the rows of a table once more, with other values for some columns.
// The values are SQL.
func again(ctx context.Context, tx *sql.Tx, table, which string, instead map[string]string) error {
	rows, err := tx.QueryContext(ctx, "SELECT * FROM "+table+" WHERE "+which+" LIMIT 1")
	if err != nil {
		return err
	}
	columns, err := rows.Columns()
	if err := errors.Join(err, rows.Close()); err != nil {
		return err
	}
	values := make([]string, len(columns))
	for i, name := range columns {
		values[i] = name
		if other, ok := instead[name]; ok {
			values[i] = other
		}
	}
	done, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s WHERE %s",
		table, strings.Join(columns, ", "), strings.Join(values, ", "), table, which))
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errors.New("there was nothing to copy"), err)
	}
	return nil
}

// repositoriesOf are the resources of one agreement, as the database keeps them.
func repositoriesOf(app int) string {
	type resource struct {
		Type string `json:"t"`
		ID   string `json:"i"`
		Name string `json:"n"`
	}
	var list []resource
	for i := range picks {
		n := 1_000_000 + app*picks + i
		list = append(list, resource{"github.repository", fmt.Sprint(n), fmt.Sprintf("acme/service-%d", n)})
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings always marshal
	}
	return "'" + string(text) + "'"
}

// consentPages looks at the consent page for one more scope, again and again.
func consentPages(w *world, c *conn, _ int) client {
	cookies := w.veteran.cookies(w.issuer)
	authorize := get(nil, w.host, ask(w.phoneID, writeRepo), cookies)
	var request []byte
	return func() error {
		if request == nil {
			if _, err := c.want(http.StatusSeeOther, authorize); err != nil {
				return fmt.Errorf("authorize: %w", err)
			}
			page := strings.TrimPrefix(string(c.location), w.issuer.String())
			if !strings.HasPrefix(page, "/consent") {
				return fmt.Errorf("the request leads to %s", page)
			}
			request = get(nil, w.host, page, cookies)
		}
		body, err := c.want(http.StatusOK, request)
		if err != nil {
			return err
		}
		if !bytes.Contains(body, []byte(`value="allow"`)) {
			return fmt.Errorf("this page does not ask: %s", body)
		}
		return nil
	}
}
