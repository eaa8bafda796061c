/* Posters and charts. */

#include <stdio.h>

#include "document_render.h"
#include "pt_chart.h"


#define DOCUMENT_IMAGE_HEIGHT    (84 * PT_MM)
#define DOCUMENT_CHART_HEIGHT    (50 * PT_MM)


static pt_err_t document_fail_image(document_rendering_t *r, pt_err_t err,
    pt_str_t name);
static pt_err_t document_lay_figure(document_rendering_t *r,
    document_block_t *block);


pt_err_t
document_lay_image(document_rendering_t *r, document_block_t *block)
{
    double            scale;
    int32_t           width, height;
    pt_err_t          err;
    pt_image_t       *image;
    const pt_json_t  *value;

    value = document_member(r->data, block->label);

    if (value == NULL || value->type != PT_JSON_STRING
        || r->options->image == NULL)
    {
        document_missing(r, block->label);
        return PT_E_PARAMETERS;
    }

    image = pt_room_alloc(&r->room, sizeof(pt_image_t));
    if (image == NULL) {
        return PT_E_NOMEM;
    }

    err = r->options->image(r->options->ctx, value->text, &block->bytes);
    if (err == PT_OK) {
        err = pt_image_read(block->bytes, &r->room, image);
    }

    if (err != PT_OK) {
        return document_fail_image(r, err, block->label);
    }

    /* as large as it may be: the measure, or a good third of the page */
    scale = (double) pt_flow_measure(&r->flow) / image->width;

    if (scale * image->height > DOCUMENT_IMAGE_HEIGHT) {
        scale = (double) DOCUMENT_IMAGE_HEIGHT / image->height;
    }

    width = (int32_t) (image->width * scale) + 1;
    height = (int32_t) (image->height * scale) + 1;

    block->drawing = pt_drawing_new(&r->room, &r->template->body, width,
                                    height);
    if (block->drawing == NULL) {
        return PT_E_NOMEM;
    }

    pt_draw_image(block->drawing, 0, 0, width, height, image);

    return document_lay_figure(r, block);
}


static pt_err_t
document_fail_image(document_rendering_t *r, pt_err_t err, pt_str_t name)
{
    char         pointer[DOCUMENT_POINTER_MAX];
    const char  *reason;

    switch (err) {

    case PT_E_INPUT_UNSUPPORTED:
        reason = "is no JPEG or PNG that can be set";
        break;

    case PT_E_INPUT_LIMIT:
        reason = "has too many bytes or pixels";
        break;

    case PT_E_INPUT_BROKEN:
        reason = "is damaged";
        break;

    default:
        return err;
    }

    (void) snprintf(pointer, sizeof(pointer), "/%.*s",
                    name.len < 200 ? (int) name.len : 200, name.data);
    document_violation(r, pt_str(pointer), "the image %s", reason);

    return err;
}


/* bars of an array's {"name", "amount"} */
pt_err_t
document_lay_chart(document_rendering_t *r, document_block_t *block)
{
    double            *amounts;
    size_t             i;
    pt_err_t           err;
    pt_str_t          *names;
    pt_chart_t         chart;
    pt_series_t        series;
    const pt_json_t   *list, *item;

    list = document_member(r->data, block->label);

    if (list == NULL || list->type != PT_JSON_ARRAY || list->n == 0) {
        document_missing(r, block->label);
        return PT_E_PARAMETERS;
    }

    amounts = pt_room_array(&r->room, list->n, sizeof(double));
    names = pt_room_array(&r->room, list->n, sizeof(pt_str_t));

    if (amounts == NULL || names == NULL) {
        return PT_E_NOMEM;
    }

    for (item = list->first, i = 0; item != NULL; item = item->next, i++) {
        names[i] = pt_json_string(item, "name", PT_STR("?"));
        amounts[i] = pt_json_double(item, "amount", 0);
    }

    series = (pt_series_t) { .name = block->runs[0].text, .y = amounts,
                             .n = list->n };
    chart = (pt_chart_t) {
        .kind = PT_CHART_BAR, .axis = PT_CHART_CATEGORIES,
        .title = block->runs[0].text, .categories = names,
        .n_categories = list->n, .series = &series, .n_series = 1,
        .y_units.compact = true, .typeface = &r->template->heading,
        .size = r->template->size * 4 / 5,
        .width = pt_flow_measure(&r->flow), .height = DOCUMENT_CHART_HEIGHT,
    };

    err = pt_chart_draw(&chart, &r->room, &block->drawing);

    return err == PT_OK ? document_lay_figure(r, block) : err;
}


static pt_err_t
document_lay_figure(document_rendering_t *r, document_block_t *block)
{
    pt_block_t  b;

    document_style(r, &b);

    b.drawing = block->drawing;
    b.drawing->alt = block->runs[0].text;
    b.style.align = PT_ALIGN_CENTER;
    b.before = b.after = r->template->leading;

    return b.drawing->err != PT_OK ? b.drawing->err
           : pt_flow_para(&r->flow, &b);
}
