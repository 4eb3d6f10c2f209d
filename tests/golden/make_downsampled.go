// Makes downsampled.tar.gz and downsampled.json: a raw block downsampled by Thanos to 5 minutes and then to 1 hour, and
// what Thanos' own iterators read from the two. It stands in a folder of its own inside a checkout of Thanos at commit
// e103a81 (0.43.0-dev); the raw block is one of ours with counters that reset, gauges with NaN and native histograms:
//     go run ./make_downsampled RAW_BLOCK FOLDER > downsampled.json

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"

	"github.com/go-kit/log"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
	"github.com/thanos-io/thanos/pkg/block/metadata"
	"github.com/thanos-io/thanos/pkg/compact/downsample"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

type S struct {
	T int64    `json:"t"`
	V string   `json:"v,omitempty"`
	H []string `json:"h,omitempty"`
}

func bits(f float64) string { return strconv.FormatUint(math.Float64bits(f), 16) }

func drain(it chunkenc.Iterator) []S {
	out := []S{}
	for vt := it.Next(); vt != chunkenc.ValNone; vt = it.Next() {
		if vt == chunkenc.ValFloat {
			t, v := it.At()
			out = append(out, S{T: t, V: bits(v)})
		} else {
			t, fh := it.AtFloatHistogram(nil)
			h := []string{strconv.Itoa(int(fh.Schema)), bits(fh.ZeroCount), bits(fh.Count), bits(fh.Sum)}
			for bi := fh.AllBucketIterator(); bi.Next(); {
				b := bi.At()
				if b.Count != 0 && !(b.Lower <= 0 && b.Upper >= 0) {
					h = append(h, bits(b.Upper), bits(b.Count))
				}
			}
			out = append(out, S{T: t, H: h})
		}
	}
	must(it.Err())
	return out
}

func series(dir string) map[string]map[string][]S {
	b, err := tsdb.OpenBlock(slog.Default(), dir, downsample.NewPool(), nil)
	must(err)
	defer b.Close()
	ir, err := b.Index()
	must(err)
	defer ir.Close()
	cr, err := b.Chunks()
	must(err)
	defer cr.Close()
	k, v := index.AllPostingsKey()
	p, err := ir.Postings(context.Background(), k, v)
	must(err)
	out := map[string]map[string][]S{}
	var builder labels.ScratchBuilder
	for p.Next() {
		var metas []chunks.Meta
		must(ir.Series(p.At(), &builder, &metas))
		name := builder.Labels().String()
		got := map[string][]S{}
		var counters []chunkenc.Iterator
		for _, m := range metas {
			c, _, err := cr.ChunkOrIterable(m)
			must(err)
			a, ok := c.(*downsample.AggrChunk)
			if !ok {
				panic(fmt.Sprint("not an AggrChunk ", c.Encoding()))
			}
			get := func(t downsample.AggrType) chunkenc.Chunk {
				x, err := a.Get(t)
				if err == downsample.ErrAggrNotExist {
					return nil
				}
				must(err)
				return x
			}
			for n, t := range map[string]downsample.AggrType{"count": downsample.AggrCount, "sum": downsample.AggrSum, "min": downsample.AggrMin, "max": downsample.AggrMax} {
				if x := get(t); x != nil {
					got[n] = append(got[n], drain(x.Iterator(nil))...)
				}
			}
			got["mean"] = append(got["mean"], drain(downsample.NewAverageChunkIterator(get(downsample.AggrCount).Iterator(nil), get(downsample.AggrSum).Iterator(nil)))...)
			counters = append(counters, get(downsample.AggrCounter).Iterator(nil))
		}
		got["counter"] = drain(downsample.NewApplyCounterResetsIterator(counters...))
		out[name] = got
	}
	must(p.Err())
	return out
}

func main() {
	raw, out := os.Args[1], os.Args[2]
	ctx := context.Background()
	dir := raw
	all := map[string]map[string]map[string][]S{}
	for _, res := range []int64{downsample.ResLevel1, downsample.ResLevel2} {
		meta, err := metadata.ReadFromDir(dir)
		must(err)
		var b tsdb.BlockReader
		b, err = tsdb.OpenBlock(slog.Default(), dir, downsample.NewPool(), nil)
		must(err)
		id, err := downsample.Downsample(ctx, log.NewNopLogger(), meta, b, out, res)
		must(err)
		dir = filepath.Join(out, id.String())
		all[fmt.Sprint(res)+" "+id.String()] = series(dir)
	}
	keys := []string{}
	for k := range all {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	fmt.Fprintln(os.Stderr, keys)
	must(json.NewEncoder(os.Stdout).Encode(all))
}
