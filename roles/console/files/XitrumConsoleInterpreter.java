// Copyright (c) 2026, the xitrum.host maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import scala.Console;
import scala.Function0;
import scala.runtime.BoxedUnit;
import scala.tools.nsc.GenericRunnerSettings;
import scala.tools.nsc.interpreter.IMain;
import scala.tools.nsc.interpreter.shell.ILoop;
import scala.tools.nsc.interpreter.shell.ShellConfig$;

/** The Scala interpreter, of the compiler that the console was given, for the application's own classes. */
final class XitrumConsoleInterpreter {
    private XitrumConsoleInterpreter() {
    }

    /** Runs one expression, or without one what is typed until its end. Returns whether it compiled and did not throw. */
    static boolean run(String expression, BufferedReader in, PrintStream out) {
        PrintWriter writer = new PrintWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8), true);
        Function0<Boolean> body = () -> interpret(expression, in, writer);
        // What println in an expression writes is for whoever typed it, not for the application's log.
        boolean cached = URLConnection.getDefaultUseCaches("jar");
        try {
            // Java would keep each jar of the application open a second time, for ever, since the interpreter reads it.
            URLConnection.setDefaultUseCaches("jar", false);
            return Console.withOut(out, () -> Console.withErr(out, body));
        } finally {
            URLConnection.setDefaultUseCaches("jar", cached);
        }
    }

    /** Closes a class loader and those above it, but for those of the application. */
    private static void closeLoaders(ClassLoader loader) {
        for (ClassLoader each = loader; each != null && each != IMain.class.getClassLoader(); each = each.getParent()) {
            if (each instanceof Closeable) {
                try {
                    ((Closeable) each).close();
                } catch (IOException error) {
                    // It is closed when it is collected, then.
                    continue;
                }
            }
        }
    }

    private static Boolean interpret(String expression, BufferedReader in, PrintWriter out) {
        GenericRunnerSettings settings = new GenericRunnerSettings(message -> {
            out.println(message);
            return BoxedUnit.UNIT;
        });
        settings.processArgumentString("-usejavacp -YdisableFlatCpCaching");
        ILoop loop = new ILoop(ShellConfig$.MODULE$.apply(settings), in, out) {
            @Override
            public void closeInterpreter() {
                // Which the interpreter itself does not: the jars would stay open, those of its loader until they are collected some day.
                if (intp() instanceof IMain) {
                    ((IMain) intp()).global().close();
                    closeLoaders(((IMain) intp()).classLoader());
                }
                super.closeInterpreter();
            }
        };
        if (expression == null) {
            loop.run(settings);
            return true;
        }
        loop.createInterpreter(settings);
        try {
            String result = loop.intp().interpret(expression, false).toString();
            if ("Incomplete".equals(result)) {
                out.println("the expression ends too early: something in it is not closed");
            }
            return "Success".equals(result);
        } finally {
            loop.closeInterpreter();
        }
    }
}
