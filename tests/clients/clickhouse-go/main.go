// Asks an embedded store as Grafana's ClickHouse data source does: through clickhouse-go, over both protocols.
//
// Usage: clickhouse-go NATIVE_PORT HTTP_PORT TABLE, with the reader's password in STORE_PASSWORD. Prints one JSON
// line for each protocol and compression; the test that runs it compares them. Exits 1 with the first error.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

type answers struct {
	Way       string            `json:"way"`
	Version   string            `json:"version"`
	Databases []string          `json:"databases"`
	Tables    []string          `json:"tables"`
	Columns   map[string]string `json:"columns"`
	Types     map[string]string `json:"types"`
	Values    map[string]any    `json:"values"`
	Sum       uint64            `json:"sum"`
	Bound     string            `json:"bound"`
	External  uint64            `json:"external"`
	Code      int32             `json:"code"`
	Timeout   int32             `json:"timeout"`
	Cancelled bool              `json:"cancelled"`
}

func texts(ctx context.Context, conn driver.Conn, query string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []string{}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		found = append(found, text)
	}
	return found, rows.Err()
}

// One row of every type that a panel may show, as the data source reads it.
const panel = `SELECT
 toDateTime64('2026-08-01 00:00:00.123', 3, 'Asia/Ho_Chi_Minh') AS time, toDate32('2199-12-31') AS day,
 toLowCardinality('Hà Nội') AS low, CAST(NULL AS Nullable(Float64)) AS nothing, CAST(2.5 AS Nullable(Float64)) AS some,
 [1, 2, 3]::Array(UInt32) AS list, map('a', 1)::Map(LowCardinality(String), UInt64) AS labels,
 toString(toDecimal64(1.25, 2)) AS amount, toUUID('00000000-0000-0000-0000-000000000007') AS id, true AS yes
FROM numbers(1) WHERE toDateTime('2026-08-01 00:00:00') >= toDateTime(1785000000)
SETTINGS max_block_size = 1000`

func values(ctx context.Context, conn driver.Conn, into *answers) error {
	rows, err := conn.Query(ctx, panel)
	if err != nil {
		return err
	}
	defer rows.Close()
	var (
		at, day   time.Time
		low, id   string
		none, one *float64
		list      []uint32
		labels    map[string]uint64
		amount    string
		yes       bool
	)
	into.Types = map[string]string{}
	for _, column := range rows.ColumnTypes() {
		into.Types[column.Name()] = column.DatabaseTypeName()
	}
	for rows.Next() {
		if err := rows.Scan(&at, &day, &low, &none, &one, &list, &labels, &amount, &id, &yes); err != nil {
			return err
		}
		into.Values = map[string]any{
			"time": at.UnixMilli(), "day": day.Format(time.DateOnly), "low": low, "nothing": none, "some": one,
			"list": list, "labels": labels, "amount": amount, "id": id, "yes": yes,
		}
	}
	return rows.Err()
}

func code(err error) int32 {
	var said *clickhouse.Exception
	if errors.As(err, &said) {
		return said.Code
	}
	return -1
}

func ask(way string, options *clickhouse.Options, table string) (*answers, error) {
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx := context.Background()
	said := &answers{Way: way, Columns: map[string]string{}}
	if err = conn.Ping(ctx); err != nil {
		return nil, fmt.Errorf("ping: %w", err)
	}
	if err = conn.QueryRow(ctx, "SELECT version()").Scan(&said.Version); err != nil {
		return nil, fmt.Errorf("version: %w", err)
	}
	if said.Databases, err = texts(ctx, conn, "SHOW DATABASES"); err != nil {
		return nil, fmt.Errorf("databases: %w", err)
	}
	listed := "SELECT name FROM system.tables WHERE database = 'default' AND name = ?"
	if said.Tables, err = texts(ctx, conn, listed, table); err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}
	rows, err := conn.Query(ctx, "SELECT name, type FROM system.columns WHERE table = ?", table)
	if err != nil {
		return nil, fmt.Errorf("columns: %w", err)
	}
	for rows.Next() {
		var name, kind string
		if err = rows.Scan(&name, &kind); err != nil {
			return nil, err
		}
		said.Columns[name] = kind
	}
	if err = values(ctx, conn, said); err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	long, err := conn.Query(ctx, "SELECT number, toString(number) FROM numbers(300000)")
	if err != nil {
		return nil, fmt.Errorf("long: %w", err)
	}
	for long.Next() {
		var number uint64
		var text string
		if err = long.Scan(&number, &text); err != nil {
			return nil, err
		}
		said.Sum += number
	}
	if err = long.Err(); err != nil {
		return nil, fmt.Errorf("long: %w", err)
	}
	bound := clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"text": "Đống Đa's"}))
	if err = conn.QueryRow(bound, "SELECT {text:String}").Scan(&said.Bound); err != nil {
		return nil, fmt.Errorf("parameters: %w", err)
	}
	said.Code = code(conn.QueryRow(ctx, "SELECT * FROM no_such_table").Scan(&said.Version))
	if options.Compression.Method != clickhouse.CompressionNone {
		return said, nil
	}
	short := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_execution_time": 1}))
	var endless uint64
	said.Timeout = code(conn.QueryRow(short, "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)").Scan(&endless))
	if options.Protocol == clickhouse.Native {
		if said.External, err = external(ctx, conn); err != nil {
			return nil, fmt.Errorf("external: %w", err)
		}
	}
	leaving, leave := context.WithTimeout(ctx, 300*time.Millisecond)
	defer leave()
	said.Cancelled = conn.QueryRow(leaving, "SELECT sum(sipHash64(number, 'go')) FROM numbers(1000000000000)").Scan(&endless) != nil
	return said, nil
}

func external(ctx context.Context, conn driver.Conn) (uint64, error) {
	table, err := ext.NewTable("sent", ext.Column("x", "UInt64"))
	if err != nil {
		return 0, err
	}
	for x := range 10 {
		if err = table.Append(uint64(x)); err != nil {
			return 0, err
		}
	}
	var sum uint64
	err = conn.QueryRow(clickhouse.Context(ctx, clickhouse.WithExternalTable(table)), "SELECT sum(x) FROM sent").Scan(&sum)
	return sum, err
}

func main() {
	methods := map[string]clickhouse.CompressionMethod{
		"none": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4, "zstd": clickhouse.CompressionZSTD,
		"gzip": clickhouse.CompressionGZIP,
	}
	ways := []struct {
		protocol clickhouse.Protocol
		port     string
		methods  []string
	}{
		{clickhouse.Native, os.Args[1], []string{"none", "lz4", "zstd"}},
		{clickhouse.HTTP, os.Args[2], []string{"none", "lz4", "zstd", "gzip"}},
	}
	for _, way := range ways {
		for _, method := range way.methods {
			name := way.protocol.String() + " " + method
			said, err := ask(name, &clickhouse.Options{
				Protocol:    way.protocol,
				Addr:        []string{"127.0.0.1:" + way.port},
				Auth:        clickhouse.Auth{Database: "default", Username: "reader", Password: os.Getenv("STORE_PASSWORD")},
				Compression: &clickhouse.Compression{Method: methods[method]},
				Settings:    clickhouse.Settings{"max_execution_time": 60},
				DialTimeout: 10 * time.Second,
			}, os.Args[3])
			if err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
				os.Exit(1)
			}
			line, _ := json.Marshal(said)
			fmt.Println(string(line))
		}
	}
}
