/*
 * Which layers of removed images are deleted.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "store/upkeep/remove_private.h"

/*
 * Update a removed image's chain from the remaining images. -ENOMEM; another -errno: an image
 * cannot be read.
 */
static int retain_chain(struct removal *r, struct chain *v, size_t n)
{
	struct map seen = MAP_INIT;
	size_t i;
	int e = 0;

	for (i = 0; i < r->refs.n + r->n_users && e == 0; i++) {
		const struct digest *id =
			i < r->refs.n ? &r->refs.v[i].id : &r->users[i - r->refs.n].image;

		if (!digest_is_set(id))
			e = -ENOENT;
		else if (!map_get(&seen, id->str))
			e = map_put(&seen, id->str, r) < 0 ? -ENOMEM
							   : chains_retain(r->store, id, v, n);
	}
	map_fini(&seen, NULL);
	return e;
}

/*
 * docker identifies a layer by its chain: it is deleted if no image begins with the chain, even
 * if an image has its blob elsewhere. sure: all remaining images could be read.
 */
static int retain_chains(struct removal *r, bool *sure)
{
	_cleanup_free_ struct chain *v = calloc(r->n_steps ? r->n_steps : 1, sizeof(*v));
	size_t i, n = 0;
	int e;

	if (!v)
		return -ENOMEM;
	for (i = 0; i < r->n_steps; i++)
		if (r->steps[i].n_layers)
			v[n++] = r->steps[i].chain;
	e = n ? retain_chain(r, v, n) : 0;
	for (i = n = 0; i < r->n_steps; i++)
		if (r->steps[i].n_layers)
			r->steps[i].chain = v[n++];
	*sure = e == 0;
	return e == -ENOMEM ? e : 0;
}

int removal_drop_kept_layers(struct removal *r)
{
	struct map reported = MAP_INIT;
	size_t i, k, n;
	bool sure = false;
	int e = retain_chains(r, &sure);

	for (i = r->n_steps; i-- > 0 && e == 0;) {
		struct step *s = &r->steps[i];
		/*
		 * If uncertain, report layers that are gone from the disk, and none that are
		 * retained.
		 */
		size_t gone = s->n_layers - MIN(s->chain.retained, s->n_layers);

		for (k = 0, n = 0; k < gone; k++)
			if ((sure ? !removal_uncertain(r)
				  : !!map_get(&r->collected.blobs, s->layers[k].blob.str)) &&
			    !map_get(&reported, s->layers[k].chain.str))
				s->layers[n++] = s->layers[k];
		s->n_layers = n;
		for (k = 0; k < n && e == 0; k++)
			e = map_put(&reported, s->layers[k].chain.str, r) < 0 ? -ENOMEM : 0;
	}
	map_fini(&reported, NULL);
	return e;
}
