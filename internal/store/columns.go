package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"
)

// columns is a bun dialect that stores Go values alike on every engine: a time
// as microseconds since 1970, which sort as the times do; an array of bytes as
// exactly as many bytes; an empty string as NULL, since the domain takes an
// empty plain string as absent.
type columns struct {
	schema.Dialect
	tables *schema.Tables
}

func newColumns(d schema.Dialect) schema.Dialect {
	c := &columns{Dialect: d}
	c.tables = schema.NewTables(c)
	return c
}

func (c *columns) Tables() *schema.Tables { return c.tables }

func (c *columns) AppendTime(b []byte, t time.Time) []byte {
	return strconv.AppendInt(b, micros(t), 10)
}

func (c *columns) OnTable(table *schema.Table) {
	c.Dialect.OnTable(table)
	for _, f := range table.FieldMap {
		encodeField(f)
	}
}

var timeType = reflect.TypeFor[time.Time]()

// encodeField sets how the field is written and read.
func encodeField(f *schema.Field) {
	switch t := f.IndirectType; {
	case t == timeType && f.IsPtr:
		f.Append, f.Scan = appendStored, schema.PtrScanner(scanTime)
	case t == timeType:
		f.Append, f.Scan = appendStored, scanTime
	case t.Kind() == reflect.Array && f.IsPtr:
		f.Append, f.Scan = appendStored, schema.PtrScanner(scanArray)
	case t.Kind() == reflect.Array:
		f.Append, f.Scan = appendStored, scanArray
	case t.Kind() == reflect.String && !f.IsPtr:
		f.Append = appendStored
	}
}

// stored converts v to the value that is passed to the driver.
func stored(v reflect.Value) any {
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.Pointer:
		return plain(v.Elem())
	case v.Kind() == reflect.String && v.Len() == 0:
		return nil
	default:
		return plain(v)
	}
}

func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Struct:
		return micros(v.Interface().(time.Time))
	case reflect.Array:
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		return b
	case reflect.String:
		return v.String()
	case reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Slice:
		if texts, ok := v.Interface().([]string); ok {
			b, _ := json.Marshal(texts) // strings always marshal
			return string(b)
		}
	}
	return v.Interface()
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func appendStored(gen schema.QueryGen, b []byte, v reflect.Value) []byte {
	value := stored(v)
	if value == nil {
		return dialect.AppendNull(b)
	}
	return gen.AppendValue(b, reflect.ValueOf(value))
}

func scanTime(dest reflect.Value, src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("store: a time is stored as %T", src)
	}
	dest.Set(reflect.ValueOf(time.UnixMicro(n).UTC()))
	return nil
}

func scanArray(dest reflect.Value, src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != dest.Len() {
		return fmt.Errorf("store: %d bytes where %d belong", len(b), dest.Len())
	}
	reflect.Copy(dest, reflect.ValueOf(b))
	return nil
}
