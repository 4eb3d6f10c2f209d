// The corners of each encoding, beside the plain chunks of make_chunks.go: stands in the same folder and is run with it:
//     go run ./make_chunks edges > edge_chunks.json; gzip -9n edge_chunks.json

package main

import (
	"fmt"
	"math"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

const manySamples = 300

var stale = math.Float64frombits(value.StaleNaN)

type point struct {
	st, t int64
	v     float64
}

// shortened keeps the ends of a long chunk.
func shortened(c C) C {
	c.Count = len(c.Samples)
	if c.Count > manySamples {
		c.Samples = append(append([]S{}, c.Samples[:5]...), c.Samples[c.Count-5:]...)
	}
	return c
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func open(enc chunkenc.Encoding) (chunkenc.Chunk, chunkenc.Appender) {
	c, err := chunkenc.NewEmptyChunk(enc)
	must(err)
	app, err := c.Appender()
	must(err)
	return c, app
}

func floats(name string, enc chunkenc.Encoding, points []point) C {
	c, app := open(enc)
	for _, p := range points {
		app.Append(p.st, p.t, p.v)
	}
	return shortened(read(fmt.Sprintf("%s %s", enc, name), c))
}

// histograms are appended as they are; what the appender does not take ends the chunk.
func histograms(name string, enc chunkenc.Encoding, header byte, times, starts []int64, hs []*histogram.FloatHistogram) C {
	c, app := open(enc)
	whole := enc == chunkenc.EncHistogram || enc == chunkenc.EncHistogramST
	for i, fh := range hs {
		st := int64(0)
		if starts != nil {
			st = starts[i]
		}
		var next chunkenc.Chunk
		var err error
		if whole {
			next, _, app, err = app.AppendHistogram(nil, st, times[i], toWhole(fh), true)
		} else {
			next, _, app, err = app.AppendFloatHistogram(nil, st, times[i], fh, true)
		}
		if err != nil || next != nil {
			break
		}
	}
	place := 2
	if enc == chunkenc.EncHistogramST || enc == chunkenc.EncFloatHistogramST {
		place = 0
	}
	b := c.Bytes()
	b[place] = b[place]&0x3F | header<<6
	c, err := chunkenc.FromData(enc, b)
	must(err)
	return shortened(read(fmt.Sprintf("%s %s", enc, name), c))
}

func toWhole(fh *histogram.FloatHistogram) *histogram.Histogram {
	deltas := func(counts []float64) []int64 {
		var out []int64
		before := int64(0)
		for _, c := range counts {
			out = append(out, int64(c)-before)
			before = int64(c)
		}
		return out
	}
	return &histogram.Histogram{
		CounterResetHint: fh.CounterResetHint, Schema: fh.Schema, ZeroThreshold: fh.ZeroThreshold,
		ZeroCount: uint64(fh.ZeroCount), Count: uint64(fh.Count), Sum: fh.Sum,
		PositiveSpans: fh.PositiveSpans, NegativeSpans: fh.NegativeSpans,
		PositiveBuckets: deltas(fh.PositiveBuckets), NegativeBuckets: deltas(fh.NegativeBuckets),
		CustomValues: fh.CustomValues,
	}
}

func span(pairs ...int) []histogram.Span {
	var out []histogram.Span
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, histogram.Span{Offset: int32(pairs[i]), Length: uint32(pairs[i+1])})
	}
	return out
}

func evenly(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = 1_700_000_000_000 + int64(i)*15_000
	}
	return out
}

func floatPoints() map[string][]point {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	odd := []float64{
		stale, 1, stale, stale, 1, math.NaN(), math.Float64frombits(0x7FF0000000000001), math.Float64frombits(0xFFF8DEADBEEF0001),
		math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 5e-324, math.MaxFloat64, -math.MaxFloat64, 1, 1, 0.1, 0.1, stale, 0.1,
	}
	var oddPoints, steps, long, same []point
	for i, v := range odd {
		oddPoints = append(oddPoints, point{0, int64(i) * 1000, v})
	}
	// Steps that put the delta of delta at both sides of every border of XOR and XOR2, with each kind of value.
	t, delta := int64(1_000_000_000_000), int64(60_000_000_000)
	t += delta
	steps = append(steps, point{0, t - delta, 1}, point{0, t, 1})
	values := []float64{1, 1, 2, 2.5, stale, 2.5, 1e300, 1e300, math.Pi}
	for n, border := range []int64{1, 4095, 4096, 8191, 8192, 65535, 65536, 524287, 524288, 1 << 24, 1 << 33} {
		for _, dod := range []int64{border, -border, border + 1, -border - 1, 0} {
			for k := 0; k < 4; k++ {
				delta += dod
				t += delta
				steps = append(steps, point{0, t, values[(n*7+k*3+len(steps))%len(values)]})
				dod = -dod
			}
		}
	}
	for i := range 65535 {
		long = append(long, point{0, int64(i) * 15000, float64(i / 100)})
	}
	for i := range 40 {
		same = append(same, point{0, 77, float64(i % 3)})
	}
	return map[string][]point{
		"odd values":        oddPoints,
		"odd values later":  append([]point{{0, -5, 3}}, oddPoints...),
		"borders of steps":  steps,
		"65,535 samples":    long,
		"equal times":       same,
		"first and last ms": {{0, low, 1}, {0, high, 2}, {0, high, 3}},
		"near both ends":    {{0, low, 1}, {0, low + 1, 1}, {0, -1, 2}, {0, 0, 2}, {0, high - 1, 3}, {0, high, 3}},
		"one at the end":    {{0, high, math.Inf(-1)}},
		"one at the start":  {{0, low, stale}},
	}
}

// startsOf gives samples start times by a rule; 0 is none.
func startsOf(n int, rule string, at int) []int64 {
	out := make([]int64, n)
	times := evenly(n)
	for i := range out {
		switch rule {
		case "one, then another":
			out[i] = times[0] - 5000
			if i >= at {
				out[i] = times[at] - 1
			}
		case "none, then one":
			if i >= at {
				out[i] = times[at] - 1
			}
		case "one, then none":
			out[i] = times[0] - 5000
			if i >= at {
				out[i] = 0
			}
		case "each its own":
			if i >= at {
				out[i] = times[i] - []int64{0, 1, 3, 4, 31, 33, 255, 257, 2047, 2049, 131071, 131073, 1 << 24, 1<<24 + 1, 1 << 40, 1 << 57, -7, -1 << 20}[i%18]
			}
		case "far away":
			out[i] = []int64{math.MinInt64, math.MaxInt64, 0, -1, 1}[i%5]
		}
	}
	return out
}

func startRules() map[string][]int64 {
	out := map[string][]int64{}
	for _, rule := range []string{"one, then another", "none, then one", "one, then none", "each its own"} {
		for _, at := range []int{1, 2, 3, 126, 127, 128, 140} {
			out[fmt.Sprintf("start times: %s at %d", rule, at)] = startsOf(150, rule, at)
		}
	}
	out["start times far away"] = startsOf(20, "far away", 0)
	return out
}

func shapes() map[string][]*histogram.FloatHistogram {
	out := map[string][]*histogram.FloatHistogram{}
	add := func(name string, h histogram.FloatHistogram, n int) {
		for i := range n {
			one := h.Copy()
			one.Sum += float64(i)
			for k := range one.PositiveBuckets {
				one.PositiveBuckets[k] += float64(i)
				one.Count += float64(i)
			}
			for k := range one.NegativeBuckets {
				one.NegativeBuckets[k] += float64(2 * i)
				one.Count += float64(2 * i)
			}
			one.Count += h.ZeroCount
			out[name] = append(out[name], one)
		}
	}
	tenths := []float64{0.1, 0.2, 0.3, 1e16, 0.7, 3, 1e-9, 0.6, 5, 7, 1e15, 11}
	whole := []float64{1, 2, 3, 100000, 7, 3, 9, 6, 5, 7, 1000, 11}
	for _, schema := range []int32{-9, -5, -4, 0, 8, 9, 10, 11, 20, 30, 31, 32, 33, 40, 51, 52} {
		for name, counts := range map[string][]float64{"fractions": tenths, "whole": whole} {
			add(fmt.Sprintf("schema %d, %s", schema, name), histogram.FloatHistogram{
				Schema: schema, ZeroThreshold: 1e-3, ZeroCount: 2, Sum: 3,
				PositiveSpans: span(-3, 6, 1, 6), PositiveBuckets: counts,
				NegativeSpans: span(-2, 5, 0, 1, 3, 6), NegativeBuckets: counts,
			}, 3)
		}
	}
	add("far indexes", histogram.FloatHistogram{Schema: 8, PositiveSpans: span(-274_000, 1, 540_000, 2), PositiveBuckets: []float64{4, 5, 6}}, 3)
	add("far indexes of schema 52", histogram.FloatHistogram{
		Schema: 52, PositiveSpans: span(-2_000_000_000, 1, 2_000_000_000, 2, 2_000_000_000, 1), PositiveBuckets: []float64{4, 5, 6, 7},
	}, 3)
	empties := map[string][]histogram.Span{
		"first":  span(0, 0, 2, 2, 1, 1),
		"middle": span(-1, 1, 2, 0, 3, 0, 0, 2),
		"last":   span(5, 3, 7, 0),
		"all":    span(4, 0, 1, 0, 0, 3, 0, 0),
	}
	for name, spans := range empties {
		add("empty spans, "+name, histogram.FloatHistogram{PositiveSpans: spans, PositiveBuckets: []float64{1, 2, 3}, NegativeSpans: spans, NegativeBuckets: []float64{4, 0, 6}}, 3)
	}
	add("nothing but empty spans", histogram.FloatHistogram{PositiveSpans: span(3, 0), NegativeSpans: span(0, 0, 1, 0)}, 3)
	add("no buckets", histogram.FloatHistogram{ZeroThreshold: 1, ZeroCount: 7}, 4)
	add("empty buckets", histogram.FloatHistogram{PositiveSpans: span(0, 4), PositiveBuckets: []float64{0, 0, 3, 0}, NegativeSpans: span(0, 2), NegativeBuckets: []float64{0, 0}}, 1)
	for _, zt := range []float64{
		0, math.Ldexp(1, -243), math.Ldexp(1, -244), math.Ldexp(1, -128), 1, 1024, 2048, 0.3, 5e-324, math.MaxFloat64, math.Inf(1),
		math.Ldexp(1.5, -3), 1e-128,
	} {
		add(fmt.Sprintf("written: zero threshold %g", zt), histogram.FloatHistogram{ZeroThreshold: zt, ZeroCount: 1, PositiveSpans: span(1, 1), PositiveBuckets: []float64{2}}, 2)
	}
	bounds := [][]float64{
		nil, {0}, {0.001, 0.002, 33554.429, 33554.43, 33554.431, 40000}, {-7, -0.5, 0, 0.5}, {0.0005, 0.1, 0.30000000000000004, 1.0 / 3}, {5e-324, 1e308},
		{math.Inf(-1), 1, math.Inf(1)},
	}
	for _, bs := range bounds {
		counts := make([]float64, len(bs)+1)
		for i := range counts {
			counts[i] = float64(i + 1)
		}
		add(fmt.Sprintf("written: bounds %v", bs), histogram.FloatHistogram{Schema: -53, CustomValues: bs, PositiveSpans: span(0, len(bs)+1), PositiveBuckets: counts}, 3)
	}
	var hundred []float64
	for i := range 400 {
		hundred = append(hundred, float64(i)*0.25-3)
	}
	add("written: 400 bounds", histogram.FloatHistogram{Schema: -53, CustomValues: hundred, PositiveSpans: span(17, 3, 300, 2), PositiveBuckets: []float64{1, 2, 3, 4, 5}}, 3)
	add("written: far counts", histogram.FloatHistogram{ZeroCount: 1 << 52, PositiveSpans: span(0, 3), PositiveBuckets: []float64{1, 1 << 51, 1}}, 3)
	return out
}

func edgeChunks() []C {
	var all []C
	points := floatPoints()
	for _, name := range sorted(points) {
		for _, enc := range []chunkenc.Encoding{chunkenc.EncXOR, chunkenc.EncXOR2} {
			all = append(all, floats(name, enc, points[name]))
		}
	}
	rules := startRules()
	for _, name := range sorted(rules) {
		var withStarts []point
		for i, st := range rules[name] {
			withStarts = append(withStarts, point{st, evenly(150)[i], []float64{1, 1, 2, stale, 2}[i%5]})
		}
		all = append(all, floats(name, chunkenc.EncXOR2, withStarts))
	}
	kinds := []chunkenc.Encoding{chunkenc.EncHistogram, chunkenc.EncFloatHistogram, chunkenc.EncHistogramST, chunkenc.EncFloatHistogramST}
	shaped := shapes()
	plain := func(i int, sum float64) *histogram.FloatHistogram {
		return &histogram.FloatHistogram{Sum: sum, Count: float64(3 + 3*i), PositiveSpans: span(0, 2), PositiveBuckets: []float64{float64(1 + i), float64(2 + 2*i)}}
	}
	series := func(n int) (out []*histogram.FloatHistogram) {
		for i := range n {
			out = append(out, plain(i, float64(i/7)))
		}
		return out
	}
	for _, enc := range kinds {
		with := enc == chunkenc.EncHistogramST || enc == chunkenc.EncFloatHistogramST
		for _, name := range sorted(shaped) {
			all = append(all, histograms(name, enc, 0, evenly(len(shaped[name])), nil, shaped[name]))
		}
		for header := byte(0); header < 4; header++ {
			all = append(all, histograms(fmt.Sprintf("reset header %d", header), enc, header, evenly(4), nil, series(4)))
		}
		gone := &histogram.FloatHistogram{Sum: stale}
		all = append(all,
			histograms("stale first", enc, 0, evenly(1), nil, []*histogram.FloatHistogram{gone}),
			histograms("stale twice", enc, 0, evenly(2), nil, []*histogram.FloatHistogram{gone, gone}),
			histograms("written: stale last", enc, 0, evenly(3), nil, []*histogram.FloatHistogram{plain(0, 1), plain(1, 2), gone}),
		)
		var sums []*histogram.FloatHistogram
		for i, sum := range []float64{math.NaN(), 1, math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, 5e-324, math.Float64frombits(0x7FF0000000000001), 1} {
			sums = append(sums, plain(i, sum))
		}
		all = append(all, histograms("written: odd sums", enc, 0, evenly(len(sums)), nil, sums))
		ends := []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, math.MaxInt64 - 1, math.MaxInt64, math.MaxInt64}
		all = append(all, histograms("written: times at both ends", enc, 0, ends, nil, series(len(ends))))
		if with {
			for _, name := range sorted(rules) {
				all = append(all, histograms(name, enc, 0, evenly(150), rules[name], series(len(rules[name]))))
			}
			all = append(all, histograms("16,383 samples", enc, 3, evenly(16_383), nil, series(16_383)))
		} else {
			all = append(all, histograms("65,535 samples", enc, 0, evenly(65_535), nil, series(65_535)))
		}
	}
	return all
}
