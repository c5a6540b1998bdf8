"""What the playground does in a frame: no more than there is time for, and nothing twice."""

import math

from playgrounds import Moons, settled


def test_a_network_of_5000_parameters_never_computes_long_without_a_look_at_the_clock(opened):
    page = opened(Moons((64, 64, 8, 1), count=40).playground())
    longest = page.page.evaluate('''() => {
        let time = 0, most = 0;  // a clock on which every sample takes 3 ms
        const loss = trainer.loss;
        trainer.loss = (x, p, g) => { time += 3; return loss(x, p, g); };
        for (let i = 0; i < 30; i++) {
            const began = time;
            trainer.advance({until: began + BUDGET.train, now: () => time});
            most = Math.max(most, time - began);
        }
        return most;
    }''')
    assert longest <= 9 + 3
    assert page.page.evaluate('trainer.seen') > 60
    assert math.isfinite(page.page.evaluate('trainer.last'))
    drawn = page.page.evaluate('''() => {
        let time = 0, most = 0, passes = 0;  // a clock on which every place of the surface takes 3 ms
        const {surface} = answer, real = performance.now, out = surface.out.fill;
        surface.out.fill = function (x) { time += 3; return out.call(this, x); };
        performance.now = () => time;
        surface.at = 0;
        for (let i = 0; i < 2000; i++) {
            const began = time;
            passes += surface.compute(trainer.p, began + BUDGET.draw);
            most = Math.max(most, time - began);
        }
        performance.now = real;
        return [most, passes];
    }''')
    assert drawn[0] <= 7 + 3 and drawn[1] > 1


CLOCK = """let time = 0;  // a clock on which each piece of work takes some milliseconds, and nothing else any
    const real = performance.now;
    performance.now = () => time;
    const slow = (object, name, took) => {
        const work = object[name];
        object[name] = (...given) => { time += took; calls.push(name); return work.apply(object, given); };
    };
    const calls = [];"""


def test_a_frame_draws_only_what_it_has_time_for(opened, network):
    page = opened(network.playground())
    settled(page)
    drawn = page.page.evaluate(f"""() => {{ {CLOCK}
        for (const job of Object.keys(JOBS)) slow(JOBS, job, 5);
        dirty();
        const frames = [];
        while (state.wanted.size && frames.length < 20) {{
            const before = time;
            draw(before);
            frames.push(time - before);
        }}
        performance.now = real;
        return [frames, calls, Object.keys(JOBS)];
    }}""")
    assert max(drawn[0]) <= 7 + 5  # the budget, and the piece that is begun within it
    assert drawn[1] == drawn[2]  # each once


def test_what_only_lies_under_the_pointer_computes_nothing(opened, network):
    page = opened(network.playground())
    settled(page)
    outputs = page.page.evaluate_handle('answer.surface.outputs')
    box = page.page.locator('#diagram').bounding_box()
    for x in range(5, int(box['width']), 40):
        page.page.mouse.move(box['x'] + x, box['y'] + box['height'] / 2)
    page.page.click('#theme')
    settled(page)
    assert page.page.evaluate('before => before === answer.surface.outputs', outputs)
    page.page.click('#step')
    settled(page)
    assert not page.page.evaluate('before => before === answer.surface.outputs', outputs)


def test_a_step_of_many_samples_goes_on_in_the_next_frames(opened):
    page = opened(Moons((4, 1), count=60).playground())
    settled(page)
    first = page.page.evaluate(f"""() => {{ {CLOCK}
        slow(trainer, 'loss', 3);
        $('step').onclick();
        performance.now = real;
        return [calls.length, trainer.steps, state.dirty];
    }}""")
    assert first[0] <= 5 and first[1:] == [0, True]
    settled(page)
    assert page.page.evaluate('[trainer.steps, trainer.epoch, trainer.at]') == [1, 1, 0]
    page.page.evaluate('$("step").onclick(); $("step").onclick()')
    settled(page)
    assert page.page.evaluate('trainer.steps') == 3


def test_after_training_all_is_drawn_as_it_is_at_the_end(opened, network):
    page = opened(network.playground())
    page.page.select_option('#speed', 'fast')
    page.page.click('#play')
    page.page.wait_for_function('trainer.epoch > 20')
    page.page.click('#play')
    settled(page)
    assert page.text('#epoch') == page.page.evaluate('trainer.epoch.toLocaleString("en")')
    assert page.text('#loss-numbers') == page.page.evaluate('`train ${number(trainer.latest.train, 4)}`')
    middle = 'answer.surface.outputs[0][20 * 40 + 20]'
    where = '[0, 1].map(side => answer.surface.place(20, side))'
    assert page.page.evaluate(f'{middle} === answer.asked.answer({where}, trainer.p)[0]')
