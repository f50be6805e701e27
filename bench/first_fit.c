/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer of the pool benchmark: first fit over a bitmap, scanned from its start for every request, which is what a
 * kernel's allocator of contiguous memory does, without locks and without moving pages. Written for this benchmark.
 *
 * Standard input, 64-bit words in the machine's order: bits, base, slots, pairs; then for each slot its first bit and
 * its length; then for each pair of requests the slot to free, and the length and the order of what to allocate for it.
 * Standard output: CPU seconds of the pairs, and a sum over the places that were found.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NONE UINT64_MAX

static uint64_t *map, bits, base;

static uint64_t next(uint64_t from, uint64_t end, uint64_t flip)
{
	/* The first bit in [from, end) that is set in map ^ flip, or end. */
	uint64_t at = from >> 6, word;

	if (from >= end)
		return end;
	word = (map[at] ^ flip) & (~0ULL << (from & 63));
	while (!word) {
		if (++at << 6 >= end)
			return end;
		word = map[at] ^ flip;
	}
	at = (at << 6) + __builtin_ctzll(word);
	return at < end ? at : end;
}

static uint64_t find(uint64_t need, uint64_t order)
{
	uint64_t mask = (1ULL << order) - 1, bit = 0, taken;

	for (;;) {
		bit = next(bit, bits, ~0ULL);
		bit += -(bit + base) & mask;
		if (bit + need > bits)
			return NONE;
		taken = next(bit, bit + need, 0);
		if (taken == bit + need)
			return bit;
		bit = taken + 1;
	}
}

static void fill(uint64_t from, uint64_t count, int set)
{
	for (; count; from++, count--)
		if (set)
			map[from >> 6] |= 1ULL << (from & 63);
		else
			map[from >> 6] &= ~(1ULL << (from & 63));
}

static void read_words(uint64_t *into, size_t count)
{
	if (fread(into, 8, count, stdin) != count) {
		fputs("first_fit: input is cut off\n", stderr);
		exit(1);
	}
}

int main(void)
{
	uint64_t head[4], *slots, *pairs, sum = 0, i;
	struct timespec start, end;

	read_words(head, 4);
	bits = head[0];
	base = head[1];
	map = calloc(bits / 64 + 2, 8);
	slots = malloc(head[2] * 16);
	pairs = malloc(head[3] * 24);
	if (!map || !slots || !pairs)
		return 1;
	read_words(slots, head[2] * 2);
	read_words(pairs, head[3] * 3);
	for (i = 0; i < head[2]; i++)
		fill(slots[2 * i], slots[2 * i + 1], 1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (i = 0; i < head[3]; i++) {
		uint64_t *slot = slots + 2 * pairs[3 * i], need = pairs[3 * i + 1], at;

		fill(slot[0], slot[1], 0);
		at = find(need, pairs[3 * i + 2]);
		slot[0] = at == NONE ? 0 : at;
		slot[1] = at == NONE ? 0 : need;
		if (slot[1])
			fill(at, need, 1);
		sum = sum * 1000003 + at;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	printf("%.9f %llu\n", (end.tv_sec - start.tv_sec) + (end.tv_nsec - start.tv_nsec) / 1e9,
	       (unsigned long long)sum);
	return 0;
}
